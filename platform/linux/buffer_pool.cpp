#include "platform/linux/buffer_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <thread>

namespace graphite {

/// Pages that are cut into buffers of one class.
struct buffer_pool::slab {
  shard* home = nullptr;
  std::size_t index = 0;
  std::span<std::byte> pages{};
  std::vector<std::uint16_t> free{};  ///< numbers of buffers; the last is the next
  std::size_t position = 0;           ///< in its shard's list, while it has room
};

namespace {

std::size_t bytes_of(std::size_t index) { return buffer_pool::class_bytes_min << index; }

std::size_t whole_slabs(std::size_t bytes) {
  constexpr auto slab = buffer_pool::slab_bytes;
  return bytes / slab * slab + (bytes % slab != 0 ? slab : 0);
}

/// Threads in the order they come here.
std::size_t thread_number() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

}  // namespace

buffer_pool::buffer_pool(buffer_pool_options options) : options_(std::move(options)) {
  if (!options_.pages.take) options_.pages = system_pages();
  GRAPHITE_INVARIANT(std::has_single_bit(options_.pages.page_bytes) &&
                     options_.pages.page_bytes <= bytes_of(classes - 1));
  const auto count = options_.shards ? options_.shards : std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < count; ++i) shards_.push_back(std::make_unique<shard>());
}

buffer_pool::~buffer_pool() {
  for (const auto& part : shards_) GRAPHITE_INVARIANT(part->in_use == 0);
  GRAPHITE_INVARIANT(large_in_use_ == 0);
  for (const auto& part : shards_)
    for (auto& slabs : part->with_room)
      for (auto* const one : slabs) {
        options_.pages.give_back(one->pages);
        delete one;
      }
  for (const auto& pages : spare_) options_.pages.give_back(pages);
}

/// A page is the least, for every buffer begins at one.
std::size_t buffer_pool::class_for(std::size_t bytes) const {
  const auto least = std::max(class_bytes_min, options_.pages.page_bytes);
  return static_cast<std::size_t>(std::countr_zero(std::bit_ceil(std::max(bytes, least)) / class_bytes_min));
}

buffer_pool::shard& buffer_pool::own_shard() { return *shards_[thread_number() % shards_.size()]; }

result<buffer> buffer_pool::take(std::size_t bytes) {
  const auto whole = whole_slabs(bytes);
  if (bytes > options_.bytes_max || whole > options_.bytes_max)
    return fail(errc::too_large,
                fmt::format("a buffer of {} bytes, of {} in all", bytes, options_.bytes_max));
  const auto index = class_for(bytes);
  return index < classes ? take_small(index) : take_large(whole);
}

std::optional<buffer> buffer_pool::take_from(shard& part, std::size_t index) {
  auto& slabs = part.with_room[index];
  if (slabs.empty()) return std::nullopt;
  auto& one = *slabs.back();
  const auto size = bytes_of(index);
  const auto number = one.free.back();
  one.free.pop_back();
  if (one.free.empty()) slabs.pop_back();
  part.in_use += size;
  return buffer(*this, one.pages.subspan(number * size, size), &one);
}

result<buffer> buffer_pool::take_small(std::size_t index) {
  auto& own = own_shard();
  {
    const std::lock_guard lock(own.mutex);
    if (auto found = take_from(own, index)) return std::move(*found);
  }
  auto pages = take_pages(slab_bytes);
  if (!pages) {
    for (const auto& part : shards_) {
      const std::lock_guard lock(part->mutex);
      if (auto found = take_from(*part, index)) return std::move(*found);
    }
    if (!free_empty_slabs()) return tl::unexpected(pages.error());
    GRAPHITE_TRY(pages, take_pages(slab_bytes));
  }
  auto* const one = new slab{&own, index, *pages};
  for (std::size_t i = slab_bytes / bytes_of(index); i-- > 0;)
    one->free.push_back(static_cast<std::uint16_t>(i));
  const std::lock_guard lock(own.mutex);
  one->position = own.with_room[index].size();
  own.with_room[index].push_back(one);
  return std::move(*take_from(own, index));
}

result<buffer> buffer_pool::take_large(std::size_t bytes) {
  auto pages = take_pages(bytes);
  if (!pages && free_empty_slabs()) pages = take_pages(bytes);
  if (!pages) return tl::unexpected(pages.error());
  const std::lock_guard lock(pages_);
  large_in_use_ += bytes;
  return buffer(*this, *pages, nullptr);
}

void buffer_pool::give_back(std::span<std::byte> bytes, void* place) {
  if (place == nullptr) {
    const std::lock_guard lock(pages_);
    large_in_use_ -= bytes.size();
    spare_.push_back(bytes);
    return;
  }
  auto* const one = static_cast<slab*>(place);
  auto& part = *one->home;
  const std::lock_guard lock(part.mutex);
  part.in_use -= bytes.size();
  auto& slabs = part.with_room[one->index];
  if (one->free.empty()) {
    one->position = slabs.size();
    slabs.push_back(one);
  }
  one->free.push_back(static_cast<std::uint16_t>(static_cast<std::size_t>(bytes.data() - one->pages.data()) /
                                                 bytes_of(one->index)));
  // The last slab of a class stays: it will be wanted again.
  if (!is_empty(*one) || slabs.size() == 1) return;
  drop_slab(slabs, one->position);
}

/// Takes them from the classes that keep one in reserve; true where there was one.
bool buffer_pool::free_empty_slabs() {
  bool found = false;
  for (const auto& part : shards_) {
    const std::lock_guard lock(part->mutex);
    for (auto& slabs : part->with_room)
      for (std::size_t i = slabs.size(); i-- > 0;)
        if (is_empty(*slabs[i])) {
          found = true;
          drop_slab(slabs, i);
        }
  }
  return found;
}

/// Out of the list of its class, under its shard's lock.
void buffer_pool::drop_slab(std::vector<slab*>& slabs, std::size_t position) {
  auto* const one = slabs[position];
  slabs.back()->position = position;
  std::swap(slabs[position], slabs.back());
  slabs.pop_back();
  keep_pages(one->pages);
  delete one;
}

bool buffer_pool::is_empty(const slab& one) { return one.free.size() == slab_bytes / bytes_of(one.index); }

void buffer_pool::keep_pages(std::span<std::byte> pages) {
  const std::lock_guard lock(pages_);
  spare_.push_back(pages);
}

/// Gives spare pages back to the system until `bytes` more may be held or there are no more. Under its lock.
void buffer_pool::drop_spare(std::size_t bytes) {
  for (; !spare_.empty() && bytes > options_.bytes_max - held_; spare_.pop_back()) {
    held_ -= spare_.back().size();
    options_.pages.give_back(spare_.back());
  }
}

result<std::span<std::byte>> buffer_pool::take_pages(std::size_t bytes) {
  {
    const std::lock_guard lock(pages_);
    const auto fits = std::find_if(spare_.rbegin(), spare_.rend(),
                                   [&](const auto& pages) { return pages.size() == bytes; });
    if (fits != spare_.rend()) {
      const auto pages = *fits;
      spare_.erase(std::next(fits).base());
      return pages;
    }
    drop_spare(bytes);
    if (bytes > options_.bytes_max - held_)
      return fail(errc::busy, fmt::format("all {} bytes of the pool are in use", options_.bytes_max));
    held_ += bytes;
  }
  auto pages = options_.pages.take(bytes);  // up to milliseconds: the others need not wait
  if (!pages) {
    const std::lock_guard lock(pages_);
    held_ -= bytes;
  }
  return pages;
}

buffers_facts buffer_pool::facts() const {
  buffers_facts out;
  for (const auto& part : shards_) {
    const std::lock_guard lock(part->mutex);
    out.bytes_in_use += part->in_use;
  }
  const std::lock_guard lock(pages_);
  out.bytes_in_use += large_in_use_;
  out.bytes_held = held_;
  out.bytes_max = options_.bytes_max;
  out.node = options_.pages.node;
  if (options_.pages.reason) out.reason = options_.pages.reason();
  return out;
}

}  // namespace graphite
