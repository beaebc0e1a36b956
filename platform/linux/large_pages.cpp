#include "platform/linux/large_pages.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>

#include <fmt/format.h>
#include <bit>
#include <cerrno>
#include <limits>
#include <new>
#include <system_error>
#include <utility>

namespace graphite {

namespace {

struct mapped_range {
  std::byte* begin = nullptr;
  std::size_t size = 0;
};

/// What was asked for in whole pages. Throws bad_alloc where no address space has that.
std::size_t whole_pages(std::size_t size, std::size_t page_bytes) {
  constexpr auto size_max = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
  if (size > size_max - page_bytes) throw std::bad_alloc();
  return (size + page_bytes - 1) / page_bytes * page_bytes;
}

std::string size_text(std::size_t bytes) {
  if (bytes % (std::size_t{1} << 30) == 0) return fmt::format("{} GiB", bytes >> 30);
  if (bytes % (std::size_t{1} << 20) == 0) return fmt::format("{} MiB", bytes >> 20);
  return fmt::format("{} KiB", bytes >> 10);
}

std::string errno_text(int errno_value) { return std::generic_category().message(errno_value); }

/// 0, or why not all pages of the range are there now. Never a signal.
int touch_all(mapped_range range) {
  while (::madvise(range.begin, range.size, MADV_POPULATE_WRITE) != 0)
    if (errno != EINTR && errno != EAGAIN) return errno;
  return 0;
}

/// The same by hand, for kernels that cannot; only for memory that is no hugetlb page.
void touch_each(mapped_range range, std::size_t page_bytes) {
  for (std::size_t at = 0; at < range.size; at += page_bytes)
    *static_cast<volatile std::byte*>(range.begin + at) = std::byte{0};
}

/// Why the kernel did not map so many bytes of its pool.
std::string why_not_mapped(int errno_value, std::size_t size, std::size_t page_bytes,
                           const memory_facts& facts) {
  const auto* const pool = facts.pool_of(page_bytes);
  if (pool == nullptr) return "this kernel has no huge pages of " + size_text(page_bytes);
  const auto needed = size / page_bytes;
  if (errno_value != ENOMEM || pool->available() >= needed)
    return "huge pages are refused: " + errno_text(errno_value);
  if (pool->total == 0 && pool->overcommit == 0) {
    if (page_bytes == facts.huge_page_bytes) return "no huge pages are reserved: vm.nr_hugepages is 0";
    return fmt::format(
        "no huge pages of {} are reserved: /sys/kernel/mm/hugepages/hugepages-{}kB/nr_hugepages is 0",
        size_text(page_bytes), page_bytes / 1024);
  }
  return fmt::format("{} of {} huge pages of {} are free, {} are needed", pool->available(), pool->total,
                     size_text(page_bytes), needed);
}

std::string why_not_touched(int errno_value) {
  if (errno_value == EINVAL) return "this kernel cannot touch huge pages without a signal: Linux 5.14 can";
  return "huge pages were promised and refused when they were touched (a limit of the cgroup, a cpuset or a "
         "memory policy): " +
         errno_text(errno_value);
}

/// The pages, or why not.
std::pair<mapped_range, std::string> from_pool(std::size_t size, const large_page_options& options,
                                               const memory_facts& facts) {
  const auto page_bytes = options.page_bytes != 0 ? options.page_bytes : facts.huge_page_bytes;
  if (page_bytes == 0) return {{}, "this kernel has no huge pages: /proc/meminfo has no Hugepagesize"};
  const auto whole = whole_pages(size, page_bytes);
  const int of_size = std::countr_zero(page_bytes) << MAP_HUGE_SHIFT;
  void* const memory = ::mmap(nullptr, whole, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | of_size, -1, 0);
  if (memory == MAP_FAILED) return {{}, why_not_mapped(errno, whole, page_bytes, facts)};
  const mapped_range out{static_cast<std::byte*>(memory), whole};
  if (options.before_touch) options.before_touch({out.begin, out.size});
  if (const int refused = touch_all(out); refused != 0) {
    ::munmap(memory, whole);
    return {{}, why_not_touched(refused)};
  }
  return {out, ""};
}

/// Writable memory that begins on a multiple of `alignment`, itself a multiple of a page.
mapped_range map_aligned(std::size_t size, std::size_t alignment) {
  // More address space than needed, of which the ends are given back.
  const auto reserved = size + alignment;
  void* const memory =
      ::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(memory);
  const auto before = (alignment - reinterpret_cast<std::uintptr_t>(begin) % alignment) % alignment;
  if (before != 0) ::munmap(begin, before);
  ::munmap(begin + before + size, alignment - before);
  if (::mprotect(begin + before, size, PROT_READ | PROT_WRITE) == 0) return {begin + before, size};
  ::munmap(begin + before, size);
  throw std::bad_alloc();
}

/// Gives the mapping a name of its own in /proc/self/maps: the kernel then does not make one of it and what
/// lies beside it, whose huge pages would be counted for it. Old kernels have no names.
void name_mapping(mapped_range range) {
#if defined(PR_SET_VMA) && defined(PR_SET_VMA_ANON_NAME)
  const auto name = fmt::format("graphite {}", static_cast<const void*>(range.begin));
  ::prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, range.begin, range.size, name.c_str());
#else
  (void)range;
#endif
}

/// Why the machine does not give transparent huge pages; empty: it does.
std::string why_not_transparent(const memory_facts& facts) {
  if (facts.transparent == transparent_mode::absent || facts.transparent_bytes == 0)
    return "this kernel has no transparent huge pages";
  if (facts.transparent == transparent_mode::never)
    return "transparent huge pages are switched off: " + facts.transparent_file + " is never";
  if (::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0)
    return "transparent huge pages are switched off for this process: PR_SET_THP_DISABLE";
  return {};
}

struct given_pages {
  mapped_range range;
  std::size_t page_bytes;
  large_page_kind kind;
  std::string reason;  ///< why not transparent
};

given_pages without_pool(std::size_t size, const large_page_options& options, const memory_facts& facts) {
  given_pages out{{}, facts.page_bytes, large_page_kind::normal, ""};
  if (options.best >= large_page_kind::transparent) {
    out.reason = why_not_transparent(facts);
    if (out.reason.empty()) out.page_bytes = facts.transparent_bytes;
  }
  out.range = map_aligned(whole_pages(size, out.page_bytes), out.page_bytes);
  name_mapping(out.range);
  if (out.page_bytes != facts.page_bytes) {
    if (::madvise(out.range.begin, out.range.size, MADV_HUGEPAGE) == 0) {
      out.kind = large_page_kind::transparent;
    } else {
      out.reason = "transparent huge pages are refused: " + errno_text(errno);
      out.page_bytes = facts.page_bytes;
    }
  }
  if (options.before_touch) options.before_touch({out.range.begin, out.range.size});
  if (options.touched && touch_all(out.range) != 0) touch_each(out.range, facts.page_bytes);
  return out;
}

std::string both(std::string first, const std::string& second) {
  if (!first.empty() && !second.empty()) first += "; ";
  return first + second;
}

}  // namespace

result<large_pages> large_pages::allocate(std::size_t size, const large_page_options& options) {
  if (size == 0) return fail(errc::invalid_argument, "no bytes are no large pages");
  const auto facts = read_memory_facts(options.facts);
  if (options.page_bytes != 0 &&
      (!std::has_single_bit(options.page_bytes) || options.page_bytes < facts.page_bytes))
    return fail(errc::invalid_argument, fmt::format("{} bytes are no page size", options.page_bytes));
  large_pages out;
  if (options.best == large_page_kind::hugetlb) {
    auto [range, why] = from_pool(size, options, facts);
    out.reason_ = std::move(why);
    if (range.begin != nullptr) {
      out.begin_ = range.begin;
      out.size_ = range.size;
      out.page_bytes_ = options.page_bytes != 0 ? options.page_bytes : facts.huge_page_bytes;
      out.kind_ = large_page_kind::hugetlb;
      return out;
    }
  }
  if (options.least == large_page_kind::hugetlb) return fail(errc::unsupported, out.reason_);
  auto given = without_pool(size, options, facts);
  out.begin_ = given.range.begin;
  out.size_ = given.range.size;
  out.page_bytes_ = given.page_bytes;
  out.kind_ = given.kind;
  out.reason_ = both(std::move(out.reason_), given.reason);
  if (out.kind_ < options.least) return fail(errc::unsupported, out.reason_);
  return out;
}

large_pages::~large_pages() {
  if (begin_ != nullptr) ::munmap(begin_, size_);
}

std::byte* large_pages::release() {
  size_ = 0;
  return std::exchange(begin_, nullptr);
}

void large_pages::swap(large_pages& other) noexcept {
  std::swap(begin_, other.begin_);
  std::swap(size_, other.size_);
  std::swap(page_bytes_, other.page_bytes_);
  std::swap(kind_, other.kind_);
  reason_.swap(other.reason_);
}

}  // namespace graphite
