#include "runtime/pins.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace graphite {

pin_point::pin_point(std::function<void()> fence) : self_fencing_(!fence), fence_(std::move(fence)) {}

pin_point::~pin_point() = default;

reader_slot& pin_point::add_reader(std::uint32_t thread) {
  const std::lock_guard lock(mutex_);
  for (const auto& block : blocks_)
    for (auto& slot : block->slots)
      if (slot.owner.load(std::memory_order_relaxed) == 0) {
        slot.owner.store(thread, std::memory_order_relaxed);
        return slot;
      }
  auto& slot = blocks_.emplace_back(std::make_unique<slot_block>())->slots[0];
  slot.owner.store(thread, std::memory_order_relaxed);
  return slot;
}

bool pin_point::remove_reader(reader_slot& slot) {
  const std::lock_guard lock(mutex_);
  const bool pinned = slot.depth != 0;
  slot.depth = 0;
  slot.pinned.store(reader_slot::none, std::memory_order_release);
  slot.owner.store(0, std::memory_order_relaxed);
  return pinned;
}

void pin_point::after_fork_in_child(const reader_slot* mine) {
  for (const auto& block : blocks_)
    for (auto& slot : block->slots) {
      if (&slot == mine) continue;
      slot.depth = 0;
      slot.pinned.store(reader_slot::none, std::memory_order_relaxed);
      slot.owner.store(0, std::memory_order_relaxed);
    }
  mutex_.unlock();
}

std::uint64_t pin_point::replace(std::shared_ptr<const void> next, time_point now) {
  const std::lock_guard lock(mutex_);
  auto value = std::make_unique<pinned_value>(version() + 1, std::move(next));
  // The last that may fail: what is current must be owned.
  if (replaced_.size() == replaced_.capacity()) replaced_.reserve(2 * replaced_.size() + 1);
  current_.store(value.get(), std::memory_order_release);
  version_.store(value->version, std::memory_order_release);
  if (newest_) replaced_.push_back({std::move(newest_), now});
  newest_ = std::move(value);
  return newest_->version;
}

std::size_t pin_point::collect() {
  std::vector<replaced> gone;  // freed after the lock: unmapping takes its time
  const std::lock_guard lock(mutex_);
  if (replaced_.empty()) return 0;
  // Readers that fence themselves need the writer's side of the pair here.
  if (self_fencing_)
    std::atomic_thread_fence(std::memory_order_seq_cst);
  else
    fence_();
  std::unordered_set<std::uintptr_t> named;
  for (const auto& block : blocks_)
    for (const auto& slot : block->slots) {
      const auto pinned = slot.pinned.load(std::memory_order_acquire);
      if (pinned == reader_slot::entering) return replaced_.size();
      if (pinned != reader_slot::none) named.insert(pinned);
    }
  // Holds after slots: a reader takes a hold while its slot names the value.
  const auto first = std::stable_partition(replaced_.begin(), replaced_.end(), [&](const replaced& old) {
    return named.contains(reinterpret_cast<std::uintptr_t>(old.value.get())) || old.value->held();
  });
  gone.assign(std::make_move_iterator(first), std::make_move_iterator(replaced_.end()));
  replaced_.erase(first, replaced_.end());
  return replaced_.size();
}

std::vector<pin_point::held_value> pin_point::held(time_point now) const {
  const std::lock_guard lock(mutex_);
  std::vector<held_value> out;
  for (const auto& old : replaced_) {
    const auto name = reinterpret_cast<std::uintptr_t>(old.value.get());
    for (const auto& block : blocks_)
      for (const auto& slot : block->slots)
        if (slot.pinned.load(std::memory_order_acquire) == name)
          out.push_back({old.value->version, slot.owner.load(std::memory_order_relaxed), now - old.when});
    if (old.value->held()) out.push_back({old.value->version, 0, now - old.when});
  }
  return out;
}

}  // namespace graphite
