#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bundle/tree_snapshot.hpp"

namespace graphite {

/// A file of a snapshot as it was and as it is; absent: not there.
struct snapshot_change {
  struct state {
    content_ref content;
    bool executable = false;
    auto operator<=>(const state&) const = default;
  };
  logical_path path;
  std::optional<state> before, after;
  auto operator<=>(const snapshot_change&) const = default;
};

/// What differs between two snapshots, of which the objects come in piece by piece; from nothing to one it
/// is all of its files, which is how a snapshot is read.
///
/// Pure; one thread. Objects that both have are not looked at: O(changed) objects, of at most
/// snapshot_limits::object_bytes_max each. They may come from anybody: each is checked against its name and
/// against what its parent says of it. Memory: the changes, and for each folder on the way down the names in
/// it. After an error it is of no more use.
class snapshot_diff {
 public:
  /// Roots; absent: no snapshot. Errors: corrupt (a root that is too large to be one).
  static result<snapshot_diff> between(std::optional<content_ref> before, std::optional<content_ref> after,
                                       const hasher& hash, const snapshot_limits& limits = {});

  /// Objects that it needs to go on, about `most`; each is told once while it is waited for. Deep folders
  /// first, so that few are waiting.
  std::vector<content_ref> wanted(std::size_t most);
  /// Takes one that was wanted. Errors: corrupt (not what the name says, or not where it may stand),
  /// newer_version, too_large (over the limits), invalid_argument (it was not wanted).
  result<void> supply(const content_ref& name, byte_span bytes);
  /// Whether wanted() may have more to tell now.
  bool wants_more() const { return !to_look_at_.empty(); }
  bool done() const { return places_.empty() && to_look_at_.empty(); }
  /// What was found so far, in any order; grows until they are taken.
  const std::vector<snapshot_change>& found() const { return changes_; }
  /// Once done: ascending by path.
  std::vector<snapshot_change> take_changes();

 private:
  /// What one of both has at a place: an object, told or to be had.
  struct side {
    std::optional<content_ref> named;         ///< not here yet
    std::optional<std::uint64_t> list_bytes;  ///< what its parent says of it
    std::optional<snapshot_object> object;
    bool empty() const { return !named && !object; }
  };
  struct place {
    std::string folder;    ///< without its last `/`
    std::size_t deep = 0;  ///< folders above
    unsigned digits = 0;   ///< of its names' numbers, that are decided
    std::uint64_t number = 0;
    side before, after;
  };
  using place_number = std::uint64_t;

  explicit snapshot_diff(const hasher& hash, const snapshot_limits& limits) : hash_(&hash), limits_(limits) {}
  result<void> look_at(place at);
  bool wait_for(const content_ref& name, place_number which);
  result<void> check(const place& at, const snapshot_object& object,
                     std::optional<std::uint64_t> list_bytes) const;
  result<void> arrived(place_number which, const content_ref& name, const snapshot_object& object);
  result<void> compare(place at);
  result<void> compare_parts(place at);
  result<void> compare_entry(const place& at, const snapshot_entry* before, const snapshot_entry* after);
  result<void> note(const place& at, const std::string& name, const snapshot_entry* before,
                    const snapshot_entry* after);

  const hasher* hash_;
  snapshot_limits limits_;
  std::vector<place> to_look_at_;         ///< nothing is asked for yet; last in, first out
  std::map<place_number, place> places_;  ///< for which objects were told
  place_number last_ = 0;
  std::map<content_ref, std::vector<place_number>> waiting_;
  std::vector<snapshot_change> changes_;
  std::uint64_t looked_at_ = 0;
};

}  // namespace graphite
