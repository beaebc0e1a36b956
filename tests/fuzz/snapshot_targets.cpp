#include <set>

#include "bundle/asset_list.hpp"
#include "bundle/snapshot_diff.hpp"
#include "tests/fuzz/blind_hasher.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/targets.hpp"

namespace graphite::fuzz {

bool asset_list(byte_span bytes) {
  const auto read = decode_asset_list(bytes, {2'000});
  if (read) expect_equal(encode_asset_list(*read), bytes);
  return read.has_value();
}

bool snapshot_object(byte_span bytes) {
  const auto read = decode_snapshot_object(bytes);
  if (read) expect_equal(encode_snapshot_object(*read), bytes);
  return read.has_value();
}

/// Objects as somebody hostile has them: one is found by its size alone, and may lie anywhere in the tree.
bool snapshot_walk(byte_span bytes) {
  const auto objects = frames_of(bytes, 64);
  if (objects.empty() || objects.front().empty()) return false;
  snapshot_limits limits;
  limits.files_max = 2'000;
  limits.objects_max = 500;
  limits.waiting_max = 200;
  const auto name_of = [](const byte_vector& object) {
    return object.empty() ? content_ref{} : name_of_object(object, blind);
  };
  auto walk = snapshot_diff::between({}, name_of(objects.front()), blind, limits);
  if (!walk) return false;
  while (!walk->done()) {
    const auto wanted = walk->wanted(4);
    GRAPHITE_INVARIANT(!wanted.empty());
    for (const auto& name : wanted) {
      const auto found = std::find_if(objects.begin(), objects.end(),
                                      [&](const auto& object) { return name_of(object) == name; });
      if (found == objects.end() || !walk->supply(name, *found)) return false;
    }
  }
  std::set<std::string> folded;
  for (const auto& one : walk->take_changes()) {
    GRAPHITE_INVARIANT(one.after && !one.before);
    GRAPHITE_INVARIANT(folded.insert(case_fold(one.path.str())).second);
  }
  return true;
}

}  // namespace graphite::fuzz
