#include <sys/mman.h>

#include <atomic>
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

result<large_pages> place_pages(std::size_t bytes, memory_placement* placement, std::optional<unsigned> node,
                                std::string& why) {
  large_page_options options;
  // Reserved huge pages may be meant for others, and there are seldom enough.
  options.best = large_page_kind::transparent;
  options.touched = true;
  options.before_touch = [&](std::span<std::byte> pages) {
    if (placement == nullptr || !node) return;
    const auto placed = placement->apply(pages, {.how = placement_policy::kind::prefer, .nodes = {*node}});
    if (!placed) why = placed.error().context;
  };
  try {
    return large_pages::allocate(bytes, options);
  } catch (const std::bad_alloc&) {
    return fail(errc::out_of_space, "the system has no " + std::to_string(bytes) + " bytes of memory");
  }
}

}  // namespace

page_supply system_pages(memory_placement* placement, std::optional<unsigned> node) {
  const auto last = std::make_shared<last_reason>();
  page_supply out;
  out.node = node;
  out.take = [placement, node, last](std::size_t bytes) -> result<std::span<std::byte>> {
    std::string why;
    GRAPHITE_TRY(auto pages, place_pages(bytes, placement, node, why));
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
