#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace graphite::build_api {

/// Calls things back one at a time, in order, in a thread of its own: whoever posts never waits for them.
///
/// Thread-safe. At most waiting_max calls wait; what comes beyond is dropped and counted.
class callback_thread {
 public:
  static constexpr std::size_t waiting_max = 10'000;
  using call = std::function<void()>;

  callback_thread();
  ~callback_thread() { stop(); }
  callback_thread(const callback_thread&) = delete;
  callback_thread& operator=(const callback_thread&) = delete;

  void post(call what);
  /// Takes the place of the newest call that waits, where that was posted so, too: of much progress in a row
  /// only the last is told.
  void post_latest(call what);
  /// Returns when what was posted before it has been called; at once in the thread itself, and after stop().
  void flush();
  /// Waits for the call that runs; drops the rest. Not in the thread itself.
  void stop();
  bool is_current() const { return std::this_thread::get_id() == thread_.get_id(); }
  std::uint64_t dropped() const;

 private:
  struct entry {
    call what;
    bool replaceable = false;
  };
  void add(entry what);
  void work();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<entry> waiting_;
  std::uint64_t posted_ = 0, called_ = 0, dropped_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace graphite::build_api
