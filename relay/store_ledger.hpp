#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "core/content.hpp"
#include "core/error.hpp"
#include "core/units.hpp"

namespace graphite {

/// What a store has, when each content was last asked for, and so which may go where there is too much.
///
/// Nobody's need is known here: who has asked the coordinator says it. What was used within `grace` is never
/// proposed, and never goes: who has just brought or found it may not have told the coordinator yet. Of the
/// rest the least recently used is proposed first. Pure: time is an argument, in milliseconds since 1970,
/// because it outlives processes; one that goes back makes contents look used now. One thread, or under a
/// lock. Memory: some 180 bytes a content. Each call O(log contents) but for propose().
class store_ledger {
 public:
  struct options {
    std::uint64_t bytes_max = 256 * GiB;               ///< beyond it nothing is taken
    unsigned collect_percent = 90, keep_percent = 80;  ///< of that: collection begins above, and ends below
    std::uint64_t place_bytes = 64;                    ///< each content's place beside its bytes
    milliseconds grace = std::chrono::minutes(10);
    std::size_t proposed_max = 4096;
  };
  /// The uses of an earlier process may be too old by what it had not written yet: nothing is proposed before
  /// `grace` has passed.
  store_ledger(options chosen, std::int64_t now_ms) : options_(chosen), started_ms_(now_ms) {}

  /// It is here, and is being used; or is known from before, as last used then.
  void add(const content_ref& content, std::int64_t used_ms);
  void used(const digest& content, std::int64_t now_ms);
  void remove(const digest& content);
  bool has(const digest& content) const { return all_.contains(content); }

  std::uint64_t bytes() const { return bytes_; }
  std::size_t size() const { return all_.size(); }
  std::uint64_t bytes_max() const { return options_.bytes_max; }
  milliseconds grace() const { return options_.grace; }
  /// Errors: out_of_space (there is no room for so many bytes more).
  result<void> admit(std::uint64_t bytes) const;
  /// Whether there is too much; `begun`: whether there still is.
  bool wants_collection(bool begun = false) const {
    return bytes_ > options_.bytes_max / 100 * (begun ? options_.keep_percent : options_.collect_percent);
  }

  /// What is to be asked about, least recently used first: as much as has to go, at most proposed_max.
  std::vector<content_ref> propose(std::int64_t now_ms) const;
  /// Whether it may go where nobody needed it `age` ago.
  bool may_go(const digest& content, milliseconds age, std::int64_t now_ms) const;

  /// Contents after this one, ascending, at most `count`; none: from the first one on.
  std::vector<content_ref> after(const std::optional<digest>& last, std::size_t count) const;
  /// Whose uses are to be written for a later process; each is told once until it is used again.
  std::vector<std::pair<digest, std::int64_t>> take_used();

 private:
  struct entry {
    std::uint64_t size = 0;
    std::int64_t used_ms = 0;
  };
  std::uint64_t taken(const entry& of) const { return of.size + options_.place_bytes; }
  std::int64_t step_ms() const;
  void rank(const digest& content, entry& of, std::int64_t used_ms);

  const options options_;
  const std::int64_t started_ms_;
  std::map<digest, entry> all_;
  std::set<std::pair<std::int64_t, digest>> by_use_;
  std::set<digest> unwritten_;
  std::uint64_t bytes_ = 0;
};

}  // namespace graphite
