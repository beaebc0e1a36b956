#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <limits>

#include "core/attempt_key.hpp"
#include "core/digest.hpp"
#include "core/ids.hpp"
#include "core/units.hpp"

/// \file Words that all parts of the cluster's schedule share.

namespace graphite {

/// Dense numbers of one scheduler's life, given out by it; never on the wire but where a message says so.
using tenant_index = std::uint32_t;
using job_index = std::uint32_t;
using rule_index = std::uint32_t;
using shape_index = std::uint32_t;
using pool_index = std::uint32_t;
using requirement_index = std::uint32_t;
using node_index = std::uint32_t;
using domain_index = std::uint32_t;
inline constexpr std::uint32_t no_cluster_index = 0xffffffffu;

/// One wish to have it.
using waiter_id = strong_id<struct waiter_tag>;
/// What a node's hello was answered with: one node, one start of it, until it is lost. Zero: none.
using node_session = strong_id<struct node_session_tag>;

/// Who goes first: strictly, but for ageing (coordinator/cluster/fair_queue.hpp).
enum class task_class : std::uint8_t {
  interactive,  ///< somebody saved a file and looks at the screen
  live,         ///< a runtime waits for it
  job_high,
  job,
  job_low,
  background  ///< nobody waits: re-runs for comparison, warming
};
inline constexpr std::size_t task_class_count = 6;

/// A content that a task reads, by the first bytes of its digest: it only steers placement.
struct content_use {
  std::uint64_t content = 0;
  std::uint64_t bytes = 0;
};

inline std::uint64_t content_number(const digest& of) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < sizeof out; ++i) out = out << 8 | of.bytes[i];
  return out;
}

}  // namespace graphite
