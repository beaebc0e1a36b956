#include <sys/mman.h>

#include <bit>
#include <cstdlib>
#include <limits>

#include "bindings/c/internal.hpp"
#include "core/platform_facts.hpp"
#include "platform/linux/large_pages.hpp"
#include "platform/linux/memory_facts.hpp"

using namespace graphite;
using namespace graphite::c_api;

namespace {

static_assert(GRAPHITE_PAGES_NORMAL == static_cast<int>(large_page_kind::normal) &&
                  GRAPHITE_PAGES_TRANSPARENT == static_cast<int>(large_page_kind::transparent) &&
                  GRAPHITE_PAGES_HUGETLB == static_cast<int>(large_page_kind::hugetlb),
              "kinds are large_page_kind by number");
static_assert(GRAPHITE_CACHE_LINE_SIZE == cache_line_bytes_guess && GRAPHITE_PAGE_SIZE == page_bytes_guess &&
                  (GRAPHITE_LITTLE_ENDIAN != 0) == (this_byte_order == std::endian::little),
              "the macros are the constants");

constexpr auto size_max = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());

std::size_t page_size() {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

/// What graphite_alloc_large_pages() rounds to: whole pages of each kind. The same as long as the process, so
/// that freeing needs no more than the size.
std::size_t large_unit() {
  static const std::size_t unit = [] {
    const auto facts = read_memory_facts();
    return std::max({facts.page_bytes, facts.huge_page_bytes, facts.transparent_bytes});
  }();
  return unit;
}

/// 0: no address space has that.
std::size_t in_units(std::size_t size) {
  const auto unit = large_unit();
  return size > size_max - unit ? 0 : (size + unit - 1) / unit * unit;
}

bool is_kind(graphite_page_kind kind) {
  return kind >= GRAPHITE_PAGES_NORMAL && kind <= GRAPHITE_PAGES_HUGETLB;
}

graphite_result read_options(const graphite_large_pages_options* from, large_page_options& out) {
  if (from == nullptr) return GRAPHITE_SUCCESS;
  if (from->size != sizeof *from) return invalid("graphite_map_large_pages: options of an unknown size");
  if (!is_kind(from->best) || !is_kind(from->least) || from->best < from->least)
    return invalid("graphite_map_large_pages: unknown kinds, or the best is below the least");
  out.page_bytes = from->page_size;
  out.best = static_cast<large_page_kind>(from->best);
  out.least = static_cast<large_page_kind>(from->least);
  out.touched = from->touched;
  return GRAPHITE_SUCCESS;
}

}  // namespace

size_t graphite_cache_line_size(void) {
  static const auto bytes = cache_line_bytes();
  return bytes;
}

size_t graphite_page_size(void) { return page_size(); }

void* graphite_aligned_alloc(size_t size, size_t alignment) {
  void* memory = nullptr;
  guarded([&] {
    if (!std::has_single_bit(alignment)) return invalid("graphite_aligned_alloc: no power of two");
    if (alignment > size_max || size > size_max - alignment) return out_of_memory();
    // One byte at least, so that each has an address of its own.
    return ::posix_memalign(&memory, std::max(alignment, sizeof(void*)), std::max(size, std::size_t{1})) == 0
               ? GRAPHITE_SUCCESS
               : out_of_memory();
  });
  return memory;
}

void graphite_aligned_free(void* memory) { ::free(memory); }

graphite_result graphite_alloc_large_pages(void** ptr, size_t size) {
  return guarded([&] {
    if (ptr == nullptr) return invalid("graphite_alloc_large_pages: a null argument");
    *ptr = nullptr;
    if (size == 0) return invalid("graphite_alloc_large_pages: no bytes");
    const auto whole = in_units(size);
    if (whole == 0) return out_of_memory();
    auto given = large_pages::allocate(whole);
    if (!given) return failed(given.error());
    *ptr = given->release();
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_free_large_pages(void* ptr, size_t size) {
  return guarded([&] {
    if (ptr == nullptr) return GRAPHITE_SUCCESS;
    const auto whole = in_units(size);
    if (whole == 0 || reinterpret_cast<std::uintptr_t>(ptr) % page_size() != 0 || ::munmap(ptr, whole) != 0)
      return invalid("graphite_free_large_pages: no such pages were given");
    return GRAPHITE_SUCCESS;
  });
}

void graphite_large_pages_options_init(graphite_large_pages_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->size = sizeof *options;
  options->best = GRAPHITE_PAGES_HUGETLB;
}

graphite_result graphite_map_large_pages(size_t size, const graphite_large_pages_options* options,
                                         graphite_large_pages* out) {
  return guarded([&] {
    if (out == nullptr) return invalid("graphite_map_large_pages: a null argument");
    *out = {};
    large_page_options how;
    if (const auto read = read_options(options, how); read != GRAPHITE_SUCCESS) return read;
    auto given = large_pages::allocate(size, how);
    if (!given) return failed(given.error());
    auto owner = std::make_unique<large_pages>(std::move(*given));
    out->memory = owner->bytes().data();
    out->size = owner->bytes().size();
    out->page_size = owner->page_bytes();
    out->kind = static_cast<graphite_page_kind>(owner->kind());
    out->reason = owner->reason().c_str();
    out->owner_ = owner.release();
    return GRAPHITE_SUCCESS;
  });
}

void graphite_unmap_large_pages(graphite_large_pages* pages) {
  if (pages == nullptr) return;
  delete static_cast<large_pages*>(pages->owner_);
  *pages = {};
}

graphite_result graphite_large_pages_backed(const graphite_large_pages* pages, size_t* bytes) {
  return guarded([&] {
    if (bytes == nullptr) return invalid("graphite_large_pages_backed: a null argument");
    *bytes = 0;
    if (pages == nullptr || pages->owner_ == nullptr)
      return invalid("graphite_large_pages_backed: there are no pages");
    const auto huge = static_cast<const large_pages*>(pages->owner_)->huge_bytes();
    if (!huge) return failed(errc::unsupported, "/proc/self/smaps cannot be read");
    *bytes = *huge;
    return GRAPHITE_SUCCESS;
  });
}
