#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "platform/linux/open_async_io.hpp"
#include "platform/linux/thread_pool.hpp"

namespace graphite {

struct io_service_options {
  async_io_options io{};
  std::size_t queued_max = 4096;  ///< operations that wait for a place among those under way
  /// Threads that run callbacks; 0: the service's own thread does, and starts nothing meanwhile.
  /// Where more than 4,096 callbacks wait for them the service's thread calls back, too.
  std::size_t callback_threads = 1;
  /// For completions at a time: what a wake-up that is lost costs.
  std::chrono::milliseconds wait_max{1000};
  /// In a row, 10 ms apart, after which the adapter is given up; as many refused cancellations at the end.
  std::size_t useless_waits_max = 100;
  std::string name = "io";  ///< of its threads: NAME, NAME-cb-0 …
  /// What its threads are bound to, as a domain's buffers and readers should be near each other; none: not
  /// bound. Refused, they run where the process may.
  std::vector<int> cpus{};
};

/// Asynchronous I/O for programs that want to be called back: one thread owns an async_io, others hand it
/// operations. Thread-safe.
///
/// Each operation is called back once, whatever the adapter does: completions of what it has not got are
/// dropped. One whose wait() fails again and again, or says that nothing is under way where something is, is
/// given up: it is destroyed, then what it had fails as io, and what comes later is refused. So is one that
/// refuses to cancel when the service ends.
///
/// Bound: `queued_max` operations wait; what comes beyond is refused. Callbacks that take longer than reads
/// slow these down, once 4,096 wait.
class io_service {
 public:
  using callback = std::function<void(const io_completion&)>;
  static constexpr std::size_t callback_threads_max = 256;

  /// Errors: those of open_async_io(); busy (no threads to be had); invalid_argument (too many callback
  /// threads).
  static result<std::unique_ptr<io_service>> make(io_service_options options = {});
  /// The same over `io`, which only the service's thread uses, but for wake(). `options.io` is not looked at.
  /// Errors: busy; invalid_argument (too many callback threads, no adapter, or one without room).
  static result<std::unique_ptr<io_service>> over(std::unique_ptr<async_io> io,
                                                  io_service_options options = {});
  /// Cancels what it can, waits for the rest, and for all callbacks. Not from a callback.
  ~io_service();

  /// Does `request` and calls `done` once, on a thread of the service; it must not throw. The request's own
  /// token is not looked at: the answer is the operation's, for cancel() and in the completion. Errors: busy
  /// (queued_max wait), cancelled (the service ends), invalid_argument, that for which the adapter was given
  /// up; then `done` is never called.
  /// `token`, where given, is written before the operation can begin.
  result<std::uint64_t> submit(io_request request, callback done, std::uint64_t* token = nullptr);
  /// Asks to end an operation early; its callback comes all the same. Nothing happens where it has ended.
  void cancel(std::uint64_t token);
  /// Waits until all that was submitted before this call has been called back, whatever is submitted
  /// meanwhile. Not from a callback.
  void drain();
  /// Operations that have not been called back.
  std::size_t active() const;
  const async_io_facts& facts() const { return facts_; }
  /// What the adapter last did that no completion tells: refused a batch, could not wait, ended what it had
  /// not got; or why its threads are not bound. Empty where nothing. For people.
  std::string trouble() const;

 private:
  struct pending {
    callback done;
    bool given = false;  ///< to the adapter, or just now
  };
  struct orders {
    std::vector<io_request> start;
    std::vector<std::uint64_t> cancel, drop;  ///< under way; not begun
    bool ending = false;
  };
  /// Of the thread: how waiting went.
  struct patience {
    std::size_t useless = 0;  ///< in a row
    std::size_t refused = 0;  ///< rounds in a row in which cancellations were
    std::uint64_t wakes = 0;  ///< before the last wait
  };

  explicit io_service(io_service_options options) : options_(std::move(options)) {}
  static result<std::unique_ptr<io_service>> prepare(io_service_options options);
  result<void> begin(std::unique_ptr<async_io> io);
  void wake();
  void work(std::unique_ptr<async_io> io);
  orders next_orders(std::size_t under_way, std::size_t room);
  std::size_t start(async_io& io, std::span<const io_request> batch, std::size_t under_way);
  bool cancel_all(async_io& io, std::span<const std::uint64_t> tokens);
  result<std::size_t> collect(async_io& io, std::chrono::nanoseconds wait_max, patience& so_far);
  void give_up(std::unique_ptr<async_io> io, const error& why);
  bool deliver(const io_completion& ended, bool given);
  void called_back(std::uint64_t token);
  void tell(std::string what);

  io_service_options options_;
  std::unique_ptr<pinned_pool> readers_, callbacks_;
  async_io_facts facts_;
  mutable std::mutex mutex_;
  std::condition_variable work_, idle_;
  std::deque<io_request> queued_;
  std::set<std::uint64_t> to_cancel_;
  std::unordered_map<std::uint64_t, pending> waiting_;  ///< by token, until the callback is taken out
  std::uint64_t next_token_ = 1;
  std::set<std::uint64_t> active_;  ///< not called back, the callbacks that run included
  bool ending_ = false;
  std::optional<error> given_up_;  ///< why there is no adapter any more
  std::string trouble_;
  async_io* io_ = nullptr;  ///< of the thread, for wake()
  std::atomic<std::uint64_t> wakes_{0};
  std::thread thread_;
};

}  // namespace graphite
