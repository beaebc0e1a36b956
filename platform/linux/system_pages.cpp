#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "platform/linux/buffer_pool.hpp"

namespace graphite {

namespace {

/// `bytes` that begin at a multiple of `alignment`, not yet touched.
result<std::span<std::byte>> map_aligned(std::size_t bytes, std::size_t alignment) {
  void* const mapped = ::mmap(nullptr, bytes + alignment, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    return fail(errc::out_of_space, fmt::format("the system has no {} bytes of memory", bytes));
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
  const auto aligned = (begin + alignment - 1) / alignment * alignment;
  if (aligned > begin) ::munmap(mapped, aligned - begin);
  if (const auto behind = begin + alignment - aligned; behind > 0)
    ::munmap(reinterpret_cast<void*>(aligned + bytes), behind);
  return std::span(reinterpret_cast<std::byte*>(aligned), bytes);
}

/// Makes the pages be there. Linux before 5.14 has no call for that.
result<void> populate(std::span<std::byte> pages) {
  if (::madvise(pages.data(), pages.size(), MADV_POPULATE_WRITE) == 0) return {};
  if (errno != EINVAL)
    return fail(errc::out_of_space, fmt::format("the system has no {} bytes of memory", pages.size()));
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  for (std::size_t at = 0; at < pages.size(); at += page)
    *static_cast<volatile std::byte*>(&pages[at]) = std::byte{0};
  return {};
}

}  // namespace

page_source system_pages(memory_placement* placement, std::optional<unsigned> node) {
  page_source out;
  out.node = node;
  out.take = [placement, node](std::size_t bytes) -> result<std::span<std::byte>> {
    GRAPHITE_TRY(const auto pages, map_aligned(bytes, buffer_pool::slab_bytes));
    (void)::madvise(pages.data(), pages.size(), MADV_HUGEPAGE);  // without them it works as well, only slower
    if (placement != nullptr && node)
      (void)placement->apply(pages, {.how = placement_policy::kind::prefer, .nodes = {*node}});
    if (const auto there = populate(pages); !there) {
      ::munmap(pages.data(), pages.size());
      return tl::unexpected(there.error());
    }
    return pages;
  };
  out.give_back = [](std::span<std::byte> pages) { ::munmap(pages.data(), pages.size()); };
  out.reason = [placement] { return placement == nullptr ? std::string() : placement->reason(); };
  return out;
}

}  // namespace graphite
