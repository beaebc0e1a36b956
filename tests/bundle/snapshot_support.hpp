#pragma once

#include <map>
#include <string>

#include "bundle/snapshot_diff.hpp"
#include "tests/bundle/index_support.hpp"

namespace graphite::test {

/// Objects by their names, as a store has them; counts what is asked for.
struct object_shelf {
  std::map<content_ref, byte_vector> objects;
  std::uint64_t fetched = 0;

  snapshot_sink sink() {
    return [this](const content_ref& name, byte_vector bytes) { objects[name] = std::move(bytes); };
  }
  content_ref keep(const snapshot_object& object) {
    auto bytes = encode_snapshot_object(object);
    const auto name = name_of_object(bytes, sha());
    objects[name] = std::move(bytes);
    return name;
  }
  /// Gives `walk` all that it wants.
  result<void> serve(snapshot_diff& walk) {
    while (!walk.done()) {
      const auto names = walk.wanted(8);
      if (names.empty() && !walk.done()) return fail(errc::io, "it waits for nothing");
      for (const auto& name : names) {
        ++fetched;
        GRAPHITE_CHECK(walk.supply(name, objects.at(name)));
      }
    }
    return {};
  }
  result<std::vector<snapshot_change>> diff(std::optional<content_ref> before,
                                            std::optional<content_ref> after,
                                            const snapshot_limits& limits = {}) {
    GRAPHITE_TRY(auto walk, snapshot_diff::between(before, after, sha(), limits));
    GRAPHITE_CHECK(serve(walk));
    return walk.take_changes();
  }
};

inline content_ref file_content(std::uint64_t version, std::uint64_t size = 100) {
  return {sha().sha256(std::as_bytes(std::span(&version, 1))), size};
}

using file_tree = std::map<std::string, snapshot_change::state>;

inline std::vector<snapshot_file> files_of(const file_tree& tree) {
  std::vector<snapshot_file> out;
  for (const auto& [name, state] : tree) out.push_back({path(name), state.content, state.executable});
  return out;
}

}  // namespace graphite::test
