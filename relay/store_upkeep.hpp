#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/store_choice.hpp"
#include "relay/store_ledger.hpp"

namespace graphite {

/// Which of its contents a store has to look for at others, so that each content is where it belongs: in the
/// first R of its order (core/store_choice), of the stores that count.
///
/// Each store looks after what it has; nobody has a list of all. When a store comes, or one has been away for
/// longer than `away`, and now and then, a *pass* goes over all contents: those of which most copies are gone
/// come first. In its first round a content is looked after by the first store of its order that can be
/// expected to have it, so that a copy is sent once; in the second one, `second_after` later, by all that
/// have it. A store that goes away counts on until then: who only starts anew causes no copying. Pure; one
/// thread. next() looks at `looked_at_max` contents at most, O(stores) each.
class store_upkeep {
 public:
  struct options {
    duration second_after = seconds(5);
    duration failed_after = seconds(10);     ///< a pass in which something failed is made again
    duration every = std::chrono::hours(6);  ///< whatever happens
    std::size_t batch_max = 512, looked_at_max = 16'384;
  };
  /// `self`: how this store is called among the others.
  store_upkeep(std::string self, options chosen) : self_(std::move(self)), options_(chosen) {}

  /// The stores that are there now, beside this one, and how many are to have each content.
  void place(const std::vector<std::string>& here, std::size_t copies, duration away, time_point now);

  struct batch {
    std::vector<content_ref> contents;  ///< of which it is to be seen that all have them who should
    bool waits = false;                 ///< for others, or for time to pass: ask again in a while
  };
  /// What to look after next.
  batch next(const store_ledger& has, time_point now);
  /// Something of the last batch could not be done.
  void failed() { failures_ = true; }

  /// Contents that this pass has still to look at, about; zero: all is in place, as far as is known.
  std::uint64_t to_check(const store_ledger& has) const;
  bool in_pass() const { return round_ != round::none; }
  /// Whether a content belongs here, and would without stores that are away. A store that does not know any
  /// other takes all for its own.
  bool belongs_here(const digest& content) const;
  /// Others that are here: enough to have all copies without this one.
  bool others_suffice() const { return here_.size() > copies_; }

 private:
  enum class round { none, first, second };
  struct store {
    bool here = false;
    time_point away_since{};
  };

  void expire_away(time_point now);
  void begin_pass(time_point now);
  bool go_on(time_point now);
  bool wants(const content_ref& content) const;
  std::size_t gone_of(const digest& content) const;

  const std::string self_;
  const options options_;
  std::size_t copies_ = 1;
  duration away_{};
  std::map<std::string, store> known_;  ///< that count
  std::set<std::string> here_;
  store_choice choice_;   ///< of those that count
  store_choice settled_;  ///< of those that counted when the last pass ended well
  bool due_ = false, failures_ = false;
  std::optional<time_point> pass_at_;  ///< one begins then at the latest
  round round_ = round::none;
  std::size_t gone_ = 0;        ///< contents with so many copies gone are looked for now; of the first round
  std::optional<digest> last_;  ///< looked at
  std::uint64_t looked_at_ = 0;
  time_point second_at_{};
};

}  // namespace graphite
