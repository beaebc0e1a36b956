#include "runtime/handle_table.hpp"

#include <algorithm>
#include <new>

namespace graphite {
namespace {

constexpr std::uint64_t slot_mask = handle_table::slots_max - 1;

}  // namespace

handle_table::handle_table(bool preserve, std::pmr::memory_resource* memory)
    : preserve_(preserve), memory_(memory), free_(memory), by_id_(memory) {}

handle_table::~handle_table() {
  for (auto& one : blocks_)
    if (block* const made = one.load(std::memory_order_relaxed)) {
      made->~block();
      memory_->deallocate(made, sizeof(block), alignof(block));
    }
}

handle_table::slot* handle_table::slot_of(std::uint64_t handle) const noexcept {
  const auto index = handle & slot_mask;
  block* const in = blocks_[index / block_slots].load(std::memory_order_acquire);
  return in != nullptr ? &(*in)[index % block_slots] : nullptr;
}

result<std::uint32_t> handle_table::take_slot() {
  if (!free_.empty()) {
    const auto index = free_.back();
    free_.pop_back();
    return index;
  }
  if (slots_ == slots_max) return fail(errc::too_large, "as many handles are open as there can be");
  auto& at = blocks_[slots_ / block_slots];
  if (at.load(std::memory_order_relaxed) == nullptr)
    at.store(new (memory_->allocate(sizeof(block), alignof(block))) block, std::memory_order_release);
  // So that close() never fails.
  if (free_.capacity() <= slots_) free_.reserve(std::max<std::size_t>(64, 2 * slots_));
  return slots_++;
}

result<std::uint64_t> handle_table::open(asset_id id) {
  if (const auto known = by_id_.find(id.value); known != by_id_.end()) {
    slot* const there = slot_of(known->second);
    ++there->references;
    return there->handle.load(std::memory_order_relaxed);
  }
  GRAPHITE_TRY(const auto index, take_slot());
  by_id_.emplace(id.value, index);
  slot* const fresh = slot_of(index);
  fresh->references = 1;
  // Released, so that a look() which reads them does not miss that the handle before was closed.
  fresh->id.store(id.value, std::memory_order_release);
  fresh->changed.store(0, std::memory_order_release);
  fresh->stale.store(false, std::memory_order_release);
  const std::uint64_t handle = ++fresh->uses * slots_max | index;
  fresh->handle.store(handle, std::memory_order_release);
  size_.fetch_add(1, std::memory_order_relaxed);
  return handle;
}

bool handle_table::close(std::uint64_t handle) {
  slot* const at = slot_of(handle);
  if (handle == 0 || at == nullptr || at->handle.load(std::memory_order_relaxed) != handle) return false;
  if (--at->references > 0) return true;
  if (!at->stale.load(std::memory_order_relaxed)) by_id_.erase(at->id.load(std::memory_order_relaxed));
  at->handle.store(0, std::memory_order_release);
  free_.push_back(static_cast<std::uint32_t>(handle & slot_mask));
  size_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

handle_table::info handle_table::look(std::uint64_t handle) const noexcept {
  info out;
  const slot* const at = slot_of(handle);
  if (handle == 0 || at == nullptr || at->handle.load(std::memory_order_acquire) != handle) return out;
  // What is read is this handle's unless it was closed meanwhile: the last look comes after all others.
  out.id = {at->id.load(std::memory_order_acquire)};
  out.changed = at->changed.load(std::memory_order_acquire);
  out.what = at->stale.load(std::memory_order_acquire) ? state::stale : state::open;
  return at->handle.load(std::memory_order_relaxed) == handle ? out : info{};
}

void handle_table::note_one(std::uint64_t id, std::uint64_t version) {
  const auto known = by_id_.find(id);
  if (known == by_id_.end()) return;
  slot* const at = slot_of(known->second);
  at->changed.store(version, std::memory_order_relaxed);
  if (preserve_) return;
  at->stale.store(true, std::memory_order_relaxed);
  by_id_.erase(known);
}

void handle_table::note(const change_set& changes, std::uint64_t version) {
  for (const auto id : changes.changed) note_one(id, version);
  for (const auto id : changes.removed) note_one(id, version);
  if (preserve_)
    for (const auto id : changes.added) note_one(id, version);  // a removed one that is back
}

}  // namespace graphite
