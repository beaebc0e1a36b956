#pragma once

#include <fmt/format.h>

#include "bindings/c/graphite.hpp"
#include "tests/bindings/bundle_on_disk.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite::test {

inline constexpr std::uint64_t long_ns = 30'000'000'000;

inline std::string shown_now(const followed_bundle& in, const std::string& name) {
  const pinned now(in.place());
  const auto asset = find(now.get(), name);
  return asset ? std::string(part(now.get(), *asset)) : "absent";
}
inline std::size_t listed_now(const followed_bundle& in) {
  const pinned now(in.place());
  const auto ids = assets(now.get());
  EXPECT_TRUE(std::all_of(ids.begin(), ids.end(), [&](auto id) { return find(now.get(), id).has_value(); }));
  return ids.size();
}
inline byte_span bytes_of(std::string_view text) { return as_bytes(text); }
inline std::uint64_t id_named(const std::string& name) { return graphite_asset_id(name.data(), name.size()); }

/// What the callbacks said.
struct told {
  std::vector<std::string> lines;
  follow_options options(const std::string& folder) {
    follow_options out;
    out.folder = folder;
    out.on_generation = [this](const graphite_changes& changes) {
      lines.push_back(fmt::format("{}>{} +{} ~{} -{}", changes.old_version, changes.new_version,
                                  changes.added_count, changes.changed_count, changes.removed_count));
    };
    out.on_asset = [this](const graphite_asset_event& event) {
      lines.push_back(fmt::format("{}{:016x}", "+~-*"[event.type], event.id));
    };
    return out;
  }
  std::vector<std::string> take() { return std::exchange(lines, {}); }
};
inline std::string line(char sign, const std::string& name) {
  return fmt::format("{}{:016x}", sign, id_named(name));
}

}  // namespace graphite::test
