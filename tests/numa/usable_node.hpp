#pragma once

#include <sys/mman.h>

#include "platform/numa/node_mask.hpp"
#include "platform/numa/placed_memory.hpp"
#include "tests/support/fake_placement.hpp"

namespace graphite::test {

inline constexpr std::size_t page_bytes = fake_placement::page_bytes;

/// The first node whose memory this process may use; 0 where the system does not tell.
inline unsigned usable_node() {
  const auto allowed = allowed_memory();
  return allowed ? allowed->first().value_or(0) : 0;
}

/// Pages that the system does not make huge ones of: those lie on one node as a whole, and touching one
/// touches its neighbours.
inline anonymous_pages small_pages(std::size_t count) {
  auto out = *anonymous_pages::make(count * page_bytes);
  ::madvise(out.bytes().data(), out.bytes().size(), MADV_NOHUGEPAGE);
  return out;
}

}  // namespace graphite::test
