#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <vector>

#include "bindings/c/internal.hpp"
#include "core/ports/random.hpp"
#include "platform/linux/clock.hpp"
#include "platform/linux/heavy_fence.hpp"
#include "runtime/pins.hpp"

using namespace graphite;
using namespace graphite::c_api;

// The inline functions of graphite.hpp rely on these places.
static_assert(offsetof(pinned_value, version) == 0 && offsetof(pinned_value, payload) == 8);
static_assert(offsetof(reader_slot, pinned) == 0 && offsetof(reader_slot, depth) == 8 &&
              sizeof(reader_slot) == 64);

namespace {

using shared_point = std::shared_ptr<pin_point>;

const shared_point& point_of(const graphite_atomic_bundle& bundle) {
  return *static_cast<const shared_point*>(bundle.point_);
}

/// All places of this process, for fork().
class live_points {
 public:
  void add(shared_point point) {
    const std::lock_guard lock(mutex_);
    points_.push_back(std::move(point));
  }
  void remove(const shared_point& point) {
    const std::lock_guard lock(mutex_);
    std::erase(points_, point);
  }
  void before_fork() {
    mutex_.lock();
    for (const auto& point : points_) point->before_fork();
  }
  void after_fork_in_parent() {
    for (const auto& point : points_) point->after_fork_in_parent();
    mutex_.unlock();
  }
  template <class SlotOf>
  void after_fork_in_child(SlotOf slot_of) {
    for (const auto& point : points_) point->after_fork_in_child(slot_of(point.get()));
    mutex_.unlock();
  }

 private:
  std::mutex mutex_;
  std::vector<shared_point> points_;
};

live_points& points() {
  static auto* const all = new live_points;  // threads may end after the library's other statics did
  return *all;
}

/// The calling thread's slots; given back when it ends.
class thread_slots {
 public:
  thread_slots() = default;
  thread_slots(const thread_slots&) = delete;
  thread_slots& operator=(const thread_slots&) = delete;
  ~thread_slots() {
    for (const auto& one : slots_)
      if (const auto point = one.point.lock()) (void)point->remove_reader(*one.slot);
  }

  reader_slot& of(std::uint64_t number, const shared_point& point) {
    for (const auto& one : slots_)
      if (one.number == number) return *one.slot;
    std::erase_if(slots_, [](const auto& one) { return one.point.expired(); });
    slots_.reserve(slots_.size() + 1);
    auto& slot = point->add_reader(static_cast<std::uint32_t>(::gettid()));
    slots_.push_back({number, point, point.get(), &slot});
    return slot;
  }
  const reader_slot* in(const pin_point* point) const {
    for (const auto& one : slots_)
      if (one.address == point && !one.point.expired()) return one.slot;
    return nullptr;
  }

 private:
  struct entry {
    std::uint64_t number;
    std::weak_ptr<pin_point> point;
    const pin_point* address;
    reader_slot* slot;
  };
  std::vector<entry> slots_;
};

thread_local thread_slots mine;

/// The place that this thread read last, in memory that needs no call to be found.
struct last_slot {
  std::uint64_t number = 0;
  reader_slot* slot = nullptr;
};
__attribute__((tls_model("initial-exec"))) thread_local constinit last_slot last;

std::atomic<std::uint32_t> forks_so_far{0};

void install_fork_handlers() {
  static const int installed =
      ::pthread_atfork([] { points().before_fork(); }, [] { points().after_fork_in_parent(); },
                       [] {
                         forks_so_far.fetch_add(1, std::memory_order_relaxed);
                         points().after_fork_in_child([](const pin_point* point) { return mine.in(point); });
                       });
  (void)installed;  // fails for want of memory only, and then a child must not read
}

/// Never twice, also after the library was unloaded and loaded again.
std::uint64_t next_number() {
  static const std::uint64_t first = system_random_source().next() | 1;
  static std::atomic<std::uint64_t> count{0};
  return first + 2 * count.fetch_add(1, std::memory_order_relaxed);
}

reader_slot& slot_in(const graphite_atomic_bundle& bundle) {
  if (last.number == bundle.number_) [[likely]]
    return *last.slot;
  auto& slot = mine.of(bundle.number_, point_of(bundle));
  last = {bundle.number_, &slot};
  return slot;
}

std::shared_ptr<const void> payload_of(graphite_bundle* bundle) {
  return {bundle, [](const void* held) { from_c(static_cast<const graphite_bundle*>(held))->release(); }};
}

time_point now() { return std::chrono::steady_clock::now(); }

}  // namespace

std::uint32_t graphite::c_api::forks() noexcept { return forks_so_far.load(std::memory_order_relaxed); }

pin_point& graphite::c_api::point_in(const graphite_atomic_bundle& bundle) { return *point_of(bundle); }

graphite_result graphite_atomic_bundle_init(graphite_atomic_bundle* bundle, graphite_bundle* first) {
  return guarded([&] {
    if (bundle == nullptr) return invalid("graphite_atomic_bundle_init: a null argument");
    *bundle = {};
    auto payload = first != nullptr ? payload_of(first) : nullptr;  // taken over, whatever fails
    install_fork_handlers();
    auto point = std::make_unique<shared_point>(std::make_shared<pin_point>(make_heavy_fence()));
    const auto number = next_number();
    if (payload) (*point)->replace(std::move(payload), now());
    points().add(*point);  // the last that may fail
    *bundle = {number, &(*point)->current(), (*point)->readers_fence() ? 1u : 0u, 0, point.get()};
    point.release();
    return GRAPHITE_SUCCESS;
  });
}

void graphite_atomic_bundle_destroy(graphite_atomic_bundle* bundle) {
  if (bundle == nullptr || bundle->point_ == nullptr) return;
  const std::unique_ptr<shared_point> point(static_cast<shared_point*>(bundle->point_));
  points().remove(*point);
  *bundle = {};
}

const graphite_bundle* graphite_acquire_reader(const graphite_atomic_bundle* bundle, uint64_t* version_out) {
  const auto* const value = point_of(*bundle)->acquire(slot_in(*bundle));
  if (version_out != nullptr) *version_out = value ? value->version : 0;
  return value ? static_cast<const graphite_bundle*>(value->payload) : nullptr;
}

void graphite_release_reader(const graphite_atomic_bundle* bundle) { pin_point::release(slot_in(*bundle)); }

graphite_result graphite_reader_pin(const graphite_atomic_bundle* bundle, graphite_pin* out) {
  return guarded([&] {
    if (bundle == nullptr || out == nullptr) return invalid("graphite_reader_pin: a null argument");
    *out = {};
    auto& slot = slot_in(*bundle);
    auto* const value = point_of(*bundle)->acquire(slot);
    if (value != nullptr) {
      value->hold();
      *out = {static_cast<const graphite_bundle*>(value->payload), value->version, value};
    }
    pin_point::release(slot);
    return value ? GRAPHITE_SUCCESS : failed(errc::not_found, "no bundle is current yet");
  });
}

void graphite_reader_unpin(graphite_pin* pin) {
  if (pin == nullptr || pin->value_ == nullptr) return;
  static_cast<pinned_value*>(pin->value_)->let_go();
  *pin = {};
}

graphite_result graphite_atomic_swap_bundle(graphite_atomic_bundle* bundle, graphite_bundle* next) {
  return guarded([&] {
    if (bundle == nullptr || bundle->point_ == nullptr || next == nullptr)
      return invalid("graphite_atomic_swap_bundle: a null argument");
    point_of(*bundle)->replace(payload_of(next), now());
    try {
      point_of(*bundle)->collect();
    } catch (const std::bad_alloc&) {  // it is current; another call frees what was
    }
    return GRAPHITE_SUCCESS;
  });
}

size_t graphite_atomic_bundle_collect(graphite_atomic_bundle* bundle) { return point_of(*bundle)->collect(); }

size_t graphite_atomic_bundle_held(const graphite_atomic_bundle* bundle, graphite_held* out,
                                   size_t capacity) {
  const auto held = point_of(*bundle)->held(now());
  for (std::size_t i = 0; i < std::min(held.size(), capacity); ++i)
    out[i] = {held[i].version, held[i].thread, 0, static_cast<std::uint64_t>(held[i].since_replaced.count())};
  return held.size();
}

void* graphite_reader_slot_(const graphite_atomic_bundle* bundle) {
  try {
    return &slot_in(*bundle);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
