#pragma once

#include <compare>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/content.hpp"
#include "core/store_choice.hpp"
#include "core/units.hpp"

namespace graphite {

/// Which contents have to be copied between stores so that each has its copies again.
///
/// Told which stores there are, which are alive, and who has what durably; says which copies to make: those
/// of which fewest are left first, and of these in the order of their names, so that equal histories give
/// equal plans. A content belongs to the first stores of its order (store_choice) among those that count. A
/// store that goes away counts on until it has been away for `away_max`: who only starts anew causes no
/// copying. Copies that are too many stay; they are the collection's.
///
/// Pure; one thread. Memory: about 100 bytes a content and copy. A change of one copy costs
/// O(stores + log contents); one of the stores costs that for every content.
class store_repair {
 public:
  struct options {
    std::size_t copies = 2;
    std::size_t under_way_max = 64;     ///< copies at once
    std::size_t of_store_max = 8;       ///< of these, to or from one store
    duration away_max = seconds(30);    ///< as a lease: longer, and others take its place
    duration retry_after = seconds(5);  ///< before a copy that failed is tried again
  };
  /// `from` has it, `to` is to fetch it.
  struct copy {
    content_ref content;
    std::string from, to;
    auto operator<=>(const copy&) const = default;
  };

  explicit store_repair(options chosen) : options_(chosen) {}

  /// A store is there (again), with what it said it has.
  void came(const std::string& store, time_point now);
  void went(const std::string& store, time_point now);
  /// Nobody waits for it, and what it had is gone.
  void removed(const std::string& store);
  /// `store` has the content durably, or has it no more.
  void holds(const content_ref& content, const std::string& store);
  void lacks(const digest& content, const std::string& store);
  /// Nobody needs it any more.
  void forget(const digest& content);

  /// What is to be copied now, beside what is under way. O(answer · stores + contents that have to wait).
  std::vector<copy> next(time_point now);
  /// A copy of next() has ended. `done`: `to` has it durably.
  void ended(const copy& which, bool done, time_point now);

  /// Contents that no store has that is alive: to be made again from their actions.
  std::vector<content_ref> lost() const;
  /// Contents with fewer copies than there should and can be.
  std::size_t wanting() const { return wanting_.size(); }
  std::size_t under_way() const { return under_way_.size(); }

 private:
  struct store {
    bool alive = false;
    bool counts = false;  ///< alive, or not away for long
    time_point away_since{};
    std::size_t under_way = 0;
  };
  struct entry {
    content_ref content;
    std::set<std::string> at;
    std::size_t alive = 0;    ///< of these
    bool wants = false;       ///< is in `wanting_`
    time_point not_before{};  ///< after a failure
  };
  struct rank {
    std::size_t alive;
    digest content;
    auto operator<=>(const rank&) const = default;
  };

  void count_anew();
  void rank_anew(entry& of);
  void expire_away(time_point now);
  std::vector<std::string> places_of(const entry& of) const;
  bool has_room(const std::string& name) const;
  void plan(const entry& of, std::vector<copy>& out);
  bool give_back(const copy& which);

  options options_;
  std::map<std::string, store> stores_;
  store_choice choice_;  ///< of those that count
  std::map<digest, entry> contents_;
  std::set<rank> wanting_;
  std::set<copy> under_way_;
};

}  // namespace graphite
