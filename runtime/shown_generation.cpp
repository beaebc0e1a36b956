#include "runtime/shown_generation.hpp"

#include <algorithm>

namespace graphite {

asset_transition::asset_transition(std::shared_ptr<const generation> before, const change_set& changes)
    : before_(std::move(before)), ids_(changes.all()), moved_(ids_.size()) {}

std::size_t asset_transition::index_of(asset_id id) const noexcept {
  const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
  return at != ids_.end() && *at == id ? static_cast<std::size_t>(at - ids_.begin()) : ids_.size();
}

bool asset_transition::waits(asset_id id) const noexcept {
  const auto index = index_of(id);
  return index < ids_.size() && !moved_[index].load(std::memory_order_acquire);
}

shown_ref shown_ref::make(std::shared_ptr<const generation> content, std::unique_ptr<asset_transition> moving,
                          std::pmr::memory_resource* memory) {
  void* const at = memory->allocate(sizeof(shown_generation), alignof(shown_generation));
  return shown_ref(new (at) shown_generation(std::move(content), std::move(moving), memory));
}

void shown_generation::destroy() const noexcept {
  auto* const memory = memory_;
  this->~shown_generation();
  memory->deallocate(const_cast<shown_generation*>(this), sizeof *this, alignof(shown_generation));
}

void asset_transition::move(asset_id id) noexcept {
  if (const auto index = index_of(id); index < ids_.size())
    moved_[index].store(true, std::memory_order_release);
}

}  // namespace graphite
