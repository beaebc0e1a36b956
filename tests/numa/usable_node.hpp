#pragma once

#include "platform/numa/node_mask.hpp"
#include "tests/support/fake_placement.hpp"

namespace graphite::test {

inline constexpr std::size_t page_bytes = fake_placement::page_bytes;

/// The first node whose memory this process may use; 0 where the system does not tell.
inline unsigned usable_node() {
  const auto allowed = allowed_memory();
  return allowed ? allowed->first().value_or(0) : 0;
}

}  // namespace graphite::test
