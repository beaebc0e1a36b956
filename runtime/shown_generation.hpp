#pragma once

#include <atomic>
#include <memory>
#include <memory_resource>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/change_set.hpp"
#include "runtime/generation.hpp"

namespace graphite {

/// Between two generations while their assets move from one to the other one by one. Thread-safe.
class asset_transition {
 public:
  asset_transition(std::shared_ptr<const generation> before, const change_set& changes);

  const std::shared_ptr<const generation>& before() const { return before_; }
  /// True where readers still see the asset as it was before.
  bool waits(asset_id id) const noexcept;
  /// From now on readers see it as it is after. An asset that does not differ does nothing.
  void move(asset_id id) noexcept;

 private:
  std::size_t index_of(asset_id id) const noexcept;

  const std::shared_ptr<const generation> before_;
  const std::vector<asset_id> ids_;  ///< ascending
  std::vector<std::atomic<bool>> moved_;
};

/// One generation as programs hold it. Counted by hand, because callers from C hold the count; made with one
/// reference.
class shown_generation {
 public:
  void retain() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }

  const std::shared_ptr<const generation>& content() const { return content_; }
  /// Null: all assets are those of content().
  asset_transition* transition() const { return transition_.get(); }
  /// Where readers find the asset.
  const generation& source_of(asset_id id) const noexcept {
    return transition_ && transition_->waits(id) ? *transition_->before() : *content_;
  }

 private:
  friend class shown_ref;
  shown_generation(std::shared_ptr<const generation> shown, std::unique_ptr<asset_transition> moving,
                   std::pmr::memory_resource* memory)
      : content_(std::move(shown)), transition_(std::move(moving)), memory_(memory) {}
  ~shown_generation() = default;
  void destroy() const noexcept;

  const std::shared_ptr<const generation> content_;
  const std::unique_ptr<asset_transition> transition_;
  std::pmr::memory_resource* const memory_;
  mutable std::atomic<std::size_t> references_{1};
};

/// One reference to a shown generation, or none.
class shown_ref {
 public:
  shown_ref() = default;
  /// `memory` outlives it. Throws std::bad_alloc.
  static shown_ref make(std::shared_ptr<const generation> content,
                        std::unique_ptr<asset_transition> moving = nullptr,
                        std::pmr::memory_resource* memory = std::pmr::get_default_resource());
  static shown_ref share(const shown_generation* held) {
    if (held != nullptr) held->retain();
    return shown_ref(held);
  }
  shown_ref(const shown_ref& other) : held_(other.held_) {
    if (held_ != nullptr) held_->retain();
  }
  shown_ref(shown_ref&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  shown_ref& operator=(shown_ref other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~shown_ref() {
    if (held_ != nullptr) held_->release();
  }

  const shown_generation* get() const { return held_; }
  const shown_generation* operator->() const { return held_; }
  explicit operator bool() const { return held_ != nullptr; }
  bool operator==(const shown_ref&) const = default;
  /// The caller owns the reference from now on.
  const shown_generation* detach() { return std::exchange(held_, nullptr); }
  /// As the payload of a pin_point.
  std::shared_ptr<const void> owner() const {
    held_->retain();
    return {held_, [](const void* held) { static_cast<const shown_generation*>(held)->release(); }};
  }

 private:
  explicit shown_ref(const shown_generation* held) : held_(held) {}
  const shown_generation* held_ = nullptr;
};

}  // namespace graphite
