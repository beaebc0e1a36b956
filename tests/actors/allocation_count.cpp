#include "tests/actors/allocation_count.hpp"

#include <cstdlib>
#include <new>

namespace {
thread_local std::uint64_t bytes_asked_for = 0;
}

void* operator new(std::size_t size) {
  bytes_asked_for += size;
  if (void* out = std::malloc(size == 0 ? 1 : size)) return out;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (...) {
    return nullptr;
  }
}
void operator delete(void* what) noexcept { std::free(what); }
void operator delete(void* what, std::size_t) noexcept { std::free(what); }

namespace graphite::test {
std::uint64_t allocated_bytes() { return bytes_asked_for; }
}  // namespace graphite::test
