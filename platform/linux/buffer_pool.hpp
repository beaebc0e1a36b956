#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/ports/buffers.hpp"
#include "core/ports/memory_placement.hpp"
#include "platform/linux/memory_facts.hpp"

namespace graphite {

/// Whole pages from the system, and back.
struct page_supply {
  /// Exactly `bytes` (a multiple of 2 MiB) that begin at a page and are there: touching them costs
  /// nothing and cannot fail. Errors: out_of_space.
  std::function<result<std::span<std::byte>>(std::size_t bytes)> take;
  std::function<void(std::span<std::byte> pages)> give_back;
  /// Why the pages are not what one might wish, for facts().
  std::function<std::string()> reason;
  std::optional<unsigned> node{};
  std::size_t page_bytes = 4096;  ///< of the system's pages: a power of two, 1 MiB at most
};

/// Anonymous memory on large pages where the system gives them, on NUMA node `node` where one is named and
/// placing works; `placement` outlives it. What is no multiple of the system's huge page lies on normal ones:
/// on ARM64 with pages of 16 or 64 KiB a huge one is 32 or 512 MiB, which would be taken for each slab.
page_supply system_pages(memory_placement* placement = nullptr, std::optional<unsigned> node = {},
                         const memory_fact_source& facts = {});

struct buffer_pool_options {
  std::size_t bytes_max = std::size_t{256} << 20;
  std::size_t shards = 0;  ///< parts that threads take from without meeting; 0: one a processor
  page_supply pages{};     ///< none: system_pages()
};

/// Buffers in classes of powers of two, 4 KiB (or a page, where that is more) to 1 MiB out of slabs of 2 MiB,
/// larger ones by themselves.
///
/// A slab has buffers of one class, and goes back to all classes when it is empty (J. Bonwick, "The Slab
/// Allocator", USENIX Summer 1994). Threads are spread over shards of their own lock; the last buffer that
/// was given back is the next that is taken, for it is in the cache. Pages stay until the bound makes them
/// change hands.
class buffer_pool final : public buffers {
 public:
  static constexpr std::size_t class_bytes_min = 4096, slab_bytes = std::size_t{2} << 20;
  static constexpr std::size_t classes = 9;  ///< up to half a slab

  explicit buffer_pool(buffer_pool_options options);
  ~buffer_pool() override;

  result<buffer> take(std::size_t bytes) override;
  buffers_facts facts() const override;

 private:
  struct slab;
  struct shard {
    std::mutex mutex;
    std::array<std::vector<slab*>, classes> with_room;  ///< the last is taken from
    std::size_t in_use = 0;                             ///< bytes
  };

  void give_back(std::span<std::byte> bytes, void* place) override;
  std::size_t class_for(std::size_t bytes) const;
  result<buffer> take_small(std::size_t index);
  result<buffer> take_large(std::size_t bytes);
  std::optional<buffer> take_from(shard& part, std::size_t index);
  result<std::span<std::byte>> take_pages(std::size_t bytes);
  bool free_empty_slabs();
  static bool is_empty(const slab& one);
  void drop_slab(std::vector<slab*>& slabs, std::size_t position);
  void keep_pages(std::span<std::byte> pages);
  void drop_spare(std::size_t bytes);
  shard& own_shard();

  buffer_pool_options options_;
  std::vector<std::unique_ptr<shard>> shards_;
  mutable std::mutex pages_;  ///< of all below; taken after a shard's
  std::vector<std::span<std::byte>> spare_;
  std::size_t held_ = 0, large_in_use_ = 0;
};

}  // namespace graphite
