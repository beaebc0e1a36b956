#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
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
  std::string name = "io";  ///< of its threads: NAME, NAME-cb-0 …
};

/// Asynchronous I/O for programs that want to be called back: one thread owns an async_io, others hand it
/// operations. Thread-safe.
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
  /// Cancels what it can, waits for the rest, and for all callbacks. Not from a callback.
  ~io_service();

  /// Does `request` and calls `done` once, on a thread of the service; it must not throw. The request's own
  /// token is not looked at: the answer is the operation's, for cancel() and in the completion. Errors: busy
  /// (queued_max wait), cancelled (the service ends), invalid_argument; then `done` is never called.
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

 private:
  struct orders {
    std::vector<io_request> start;
    std::vector<std::uint64_t> cancel, drop;  ///< under way; not begun
    bool end = false;
  };

  explicit io_service(io_service_options options) : options_(std::move(options)) {}
  void work(std::unique_ptr<async_io> io);
  orders next_orders(std::size_t under_way, std::size_t room);
  std::size_t start(async_io& io, std::span<const io_request> batch, std::size_t under_way);
  void deliver(const io_completion& ended);
  void called_back(std::uint64_t token);

  io_service_options options_;
  std::unique_ptr<pinned_pool> readers_, callbacks_;
  async_io_facts facts_;
  mutable std::mutex mutex_;
  std::condition_variable work_, idle_;
  std::deque<io_request> queued_;
  std::set<std::uint64_t> to_cancel_;
  std::unordered_map<std::uint64_t, callback> waiting_;  ///< by token, until the callback is taken out
  std::uint64_t next_token_ = 1;
  std::set<std::uint64_t> active_;  ///< not called back, the callbacks that run included
  bool ending_ = false;
  async_io* io_ = nullptr;  ///< of the thread, for wake()
  std::thread thread_;
};

}  // namespace graphite
