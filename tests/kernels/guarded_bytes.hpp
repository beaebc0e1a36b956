#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace graphite::test {

/// Memory between two pages that nobody may touch: a read before the first or behind the last byte ends the
/// program.
class guarded_bytes {
 public:
  /// `size` writable bytes, rounded up to pages.
  explicit guarded_bytes(std::size_t size)
      : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))), size_((size + page_ - 1) / page_ * page_) {
    auto* const all = ::mmap(nullptr, size_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) std::abort();
    begin_ = static_cast<std::byte*>(all) + page_;
    if (::mprotect(begin_, size_, PROT_READ | PROT_WRITE) != 0) std::abort();
  }
  ~guarded_bytes() { ::munmap(begin_ - page_, size_ + 2 * page_); }
  guarded_bytes(const guarded_bytes&) = delete;
  guarded_bytes& operator=(const guarded_bytes&) = delete;

  std::span<std::byte> all() { return {begin_, size_}; }
  std::span<std::byte> first(std::size_t count) { return all().first(count); }
  std::span<std::byte> last(std::size_t count) { return all().last(count); }

 private:
  std::size_t page_, size_;
  std::byte* begin_;
};

}  // namespace graphite::test
