#include <fmt/format.h>
#include <sys/mman.h>

#include <mutex>
#include <new>

#include "platform/linux/buffer_pool.hpp"
#include "platform/linux/large_pages.hpp"

namespace graphite {

namespace {

/// Why the pages that were had last are not what one might wish.
struct last_reason {
  std::mutex mutex;
  std::string text;
};

/// Where pages are had, and on which node.
struct page_place {
  memory_placement* placement;
  std::optional<unsigned> node;
  memory_fact_source facts;
  std::size_t huge_bytes;  ///< of a transparent huge page; 0: there are none
};

/// Exactly `bytes`, a multiple of any normal page.
result<large_pages> place_pages(std::size_t bytes, const page_place& place, std::string& why) {
  large_page_options options;
  options.facts = place.facts;
  // Reserved huge pages may be meant for others, and there are seldom enough.
  options.best = large_page_kind::transparent;
  if (place.huge_bytes != 0 && bytes % place.huge_bytes != 0) {
    options.best = large_page_kind::normal;
    why = fmt::format("{} MiB are no whole huge pages of {} MiB", bytes >> 20, place.huge_bytes >> 20);
  }
  options.touched = true;
  options.before_touch = [&](std::span<std::byte> pages) {
    if (place.placement == nullptr || !place.node) return;
    const auto placed =
        place.placement->apply(pages, {.how = placement_policy::kind::prefer, .nodes = {*place.node}});
    if (!placed) why = placed.error().context;
  };
  try {
    return large_pages::allocate(bytes, options);
  } catch (const std::bad_alloc&) {
    return fail(errc::out_of_space, "the system has no " + std::to_string(bytes) + " bytes of memory");
  }
}

}  // namespace

page_supply system_pages(memory_placement* placement, std::optional<unsigned> node,
                         const memory_fact_source& facts) {
  const auto sizes = read_memory_facts(facts);
  const auto last = std::make_shared<last_reason>();
  page_supply out;
  out.node = node;
  out.page_bytes = sizes.page_bytes;
  const page_place place{placement, node, facts, sizes.transparent_bytes};
  out.take = [place, last](std::size_t bytes) -> result<std::span<std::byte>> {
    std::string why;
    GRAPHITE_TRY(auto pages, place_pages(bytes, place, why));
    if (why.empty()) why = pages.reason();
    {
      const std::lock_guard lock(last->mutex);
      last->text = why;
    }
    GRAPHITE_INVARIANT(pages.bytes().size() == bytes);
    return std::span(pages.release(), bytes);
  };
  out.give_back = [](std::span<std::byte> pages) { ::munmap(pages.data(), pages.size()); };
  out.reason = [last] {
    const std::lock_guard lock(last->mutex);
    return last->text;
  };
  return out;
}

}  // namespace graphite
