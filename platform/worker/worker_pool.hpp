#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/ports/transform_workers.hpp"
#include "core/units.hpp"
#include "platform/linux/spawn.hpp"
#include "platform/worker/worker_process.hpp"

namespace graphite {

struct worker_pool_options {
  std::string program;  ///< absolute: it calls serve_workers() on its standard input
  std::map<std::string, std::string> environment;  ///< the whole of it
  std::vector<std::string> arguments = {};         ///< of the program: what it gets ready before it forks
  int nice = 10;
  std::uint64_t kept_bytes = 32 * MiB;  ///< of shared memory that a worker at rest keeps, each way
  /// That all tasks share: one that runs alone has them all, one of n that run begins with an n-th. From 1 to
  /// worker_threads_max; what is beyond counts as the nearest.
  std::uint32_t threads = 1;
  std::uint32_t tasks_max = 1024;  ///< then a worker is replaced by a fresh one
  /// Workers run on these; empty: wherever this process may, whatever the thread is bound to that starts
  /// them.
  std::vector<int> cpus = {};
  /// Each worker on one of `cpus`, no two on the same one while there are enough, and its further threads on
  /// the following ones in turns: for processors among which the system does not move threads.
  bool one_each = false;
  /// Told, by any thread, that the system refuses to bind workers: they run wherever this process may. It
  /// calls nothing of the pool.
  std::function<void(const error&)> on_unbound = [](const error&) {};
};

/// Runs tasks in worker processes: as many as there are calls of run() at once. A worker that has done well
/// is used again; one that failed in whatever way, a broken input included, is not.
///
/// The workers are forked by a server process that has all libraries loaded, started with the first task and
/// again where it has died. They are shut in (platform/worker/worker_sandbox.hpp), and trusted with nothing:
/// what they answer is checked, and copied before it is looked at. All end with the pool, and with this
/// process, however it ends. Thread-safe. A thread that calls run() must live until it returns, and should
/// as long as the pool: the kernel ends the server with the thread that started it.
class worker_pool final : public transform_workers {
 public:
  explicit worker_pool(worker_pool_options options);
  ~worker_pool() override;

  result<worker_outcome> run(const worker_task& task, worker_exchange& with,
                             const cancel_token& cancel) override;
  /// Starts the server and a worker, so that the first task need not wait. Errors: as run().
  result<void> warm_up();
  /// How many workers have been started so far.
  std::uint64_t started() const;

 private:
  result<std::unique_ptr<worker_process>> take();
  void give_back(std::unique_ptr<worker_process> one);
  result<void> start_server();
  result<spawned_process> spawn_server(const spawn_request& request);
  std::shared_ptr<const std::uint32_t> take_place();
  result<std::unique_ptr<worker_process>> start_worker();

  const worker_pool_options options_;
  mutable std::mutex mutex_;  ///< of all below
  spawned_process server_;
  owned_fd control_;
  bool one_each_ = false;                                   ///< of the server's processors
  std::vector<std::weak_ptr<const std::uint32_t>> places_;  ///< of workers that live: their numbers
  std::vector<std::unique_ptr<worker_process>> idle_;
  std::uint64_t started_ = 0;
  std::atomic<std::uint32_t> running_{0};  ///< tasks
};

}  // namespace graphite
