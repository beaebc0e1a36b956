#pragma once

#include <cstdint>

namespace graphite::test {

/// Bytes that this thread has asked `new` for since it began: what copies or lists something costs.
std::uint64_t allocated_bytes();

}  // namespace graphite::test
