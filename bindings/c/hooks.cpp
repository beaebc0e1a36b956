#include <atomic>
#include <limits>
#include <mutex>
#include <shared_mutex>

#include "bindings/c/internal.hpp"

// What a program may bring along: an ear for messages and memory.

namespace graphite::c_api {

static_assert(GRAPHITE_LOG_DEBUG == static_cast<int>(log_level::debug) &&
                  GRAPHITE_LOG_ERROR == static_cast<int>(log_level::error),
              "levels are log_level by number");

namespace {

/// Writes into a callback. set() waits for calls of the one before.
class hooked_log final : public log_sink {
 public:
  void set(graphite_log_callback callback, graphite_log_level least, void* user_data) {
    const std::unique_lock lock(mutex_);
    callback_ = callback;
    user_data_ = user_data;
    least_.store(callback != nullptr ? static_cast<int>(least) : nobody, std::memory_order_relaxed);
  }

  void write(log_level level, std::string_view message) override {
    if (static_cast<int>(level) < least_.load(std::memory_order_relaxed)) return;
    const std::shared_lock lock(mutex_);
    if (static_cast<int>(level) < least_.load(std::memory_order_relaxed)) return;
    try {
      callback_(static_cast<graphite_log_level>(level), std::string(message).c_str(), user_data_);
    } catch (...) {  // of want of memory, or of the program's: a message is not worth more
    }
  }

 private:
  static constexpr int nobody = std::numeric_limits<int>::max();

  std::shared_mutex mutex_;
  std::atomic<int> least_{nobody};  ///< asked without the lock, so that silence costs nothing
  graphite_log_callback callback_ = nullptr;
  void* user_data_ = nullptr;
};

/// Memory of the program's, or the system's. Thread-safe.
class hooked_memory final : public std::pmr::memory_resource {
 public:
  /// False where something is allocated.
  bool set(const graphite_allocator& from) {
    const std::unique_lock lock(mutex_);
    if (allocated_.load(std::memory_order_acquire) != 0) return false;
    from_ = from;
    return true;
  }

 private:
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    {
      const std::shared_lock lock(mutex_);
      allocated_.fetch_add(1, std::memory_order_relaxed);
    }
    // From here on from_ stays as it is.
    if (from_.allocate == nullptr)
      return counted(::operator new(size, std::align_val_t(alignment), std::nothrow));
    return counted(from_.allocate(size, alignment, from_.user_data));
  }

  void do_deallocate(void* memory, std::size_t size, std::size_t alignment) override {
    if (from_.release == nullptr)
      ::operator delete(memory, std::align_val_t(alignment));
    else
      from_.release(memory, size, alignment, from_.user_data);
    allocated_.fetch_sub(1, std::memory_order_release);
  }

  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  void* counted(void* memory) {
    if (memory != nullptr) return memory;
    allocated_.fetch_sub(1, std::memory_order_release);
    throw std::bad_alloc();
  }

  std::shared_mutex mutex_;
  std::atomic<std::size_t> allocated_{0};
  graphite_allocator from_{};
};

// Neither is ever destroyed: threads may end after the library's other statics did.
hooked_log& the_log() {
  static auto* const only = new hooked_log;
  return *only;
}
hooked_memory& the_memory() {
  static auto* const only = new hooked_memory;
  return *only;
}

}  // namespace

log_sink& library_log() { return the_log(); }
std::pmr::memory_resource* library_memory() { return &the_memory(); }

}  // namespace graphite::c_api

using namespace graphite;
using namespace graphite::c_api;

void graphite_set_log(graphite_log_callback callback, graphite_log_level least, void* user_data) {
  the_log().set(callback, least, user_data);
}

graphite_result graphite_set_allocator(const graphite_allocator* allocator) {
  return guarded([&] {
    if (allocator != nullptr && (allocator->allocate == nullptr || allocator->release == nullptr))
      return invalid("graphite_set_allocator: both functions are needed");
    if (the_memory().set(allocator != nullptr ? *allocator : graphite_allocator{})) return GRAPHITE_SUCCESS;
    return failed(errc::busy, "the allocator cannot be replaced while something is allocated");
  });
}
