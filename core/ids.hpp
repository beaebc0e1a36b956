#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace graphite {

/// An integer that cannot be mixed up with another kind of integer.
template <class Tag, class Rep = std::uint64_t>
struct strong_id {
  using rep = Rep;
  Rep value{};
  auto operator<=>(const strong_id&) const = default;
};

/// XXH3-64 of the asset's logical path (see core/logical_path.hpp). Never an array index.
using asset_id = strong_id<struct asset_tag>;
/// Number of a closed revision within a view, from 1.
using revision_id = strong_id<struct revision_tag>;
/// Number of an action within a view; stable while the process lives, never persisted.
using action_id = strong_id<struct action_tag, std::uint32_t>;
/// How often an action was started, from 1.
using attempt_number = strong_id<struct attempt_tag, std::uint32_t>;
/// The coordinator's reign: each start takes max(last + 1, Unix seconds).
using epoch_number = strong_id<struct epoch_tag>;
/// Number of a head within an epoch's lineage; only grows.
using sequence_number = strong_id<struct sequence_tag>;
/// Number of a segment file of a store, from 1.
using segment_id = strong_id<struct segment_tag, std::uint32_t>;
/// Follows one save from notice to swap; random, zero means "none".
using trace_id = strong_id<struct trace_tag>;

/// 128 random bits (RFC 4122 version 4).
struct uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const uuid&) const = default;
};

/// 8-4-4-4-12 lower-case hexadecimal.
std::string to_string(const uuid& value);
std::optional<uuid> uuid_from_string(std::string_view text);

/// Names a state folder's history: new after the folder was removed.
struct lineage_id {
  uuid value;
  auto operator<=>(const lineage_id&) const = default;
};

/// Names one start of one process.
struct incarnation_id {
  uuid value;
  auto operator<=>(const incarnation_id&) const = default;
};

}  // namespace graphite

template <class Tag, class Rep>
struct std::hash<graphite::strong_id<Tag, Rep>> {
  std::size_t operator()(const graphite::strong_id<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value);
  }
};
