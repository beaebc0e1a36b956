#pragma once

#include <memory>
#include <vector>

#include "core/ports/log.hpp"
#include "platform/linux/domain_pools.hpp"
#include "platform/worker/worker_pool.hpp"

namespace graphite {

/// Workers of built-in transforms, near the threads that wait for them: where threads are bound each domain
/// has a pool of workers of its own, which run on its processors; else there is one for all. Thread-safe.
/// The domains outlive it, but not their threads: the pools are stopped first, so that nobody calls it or
/// waits in it when it ends.
class domain_workers final : public transform_workers {
 public:
  /// `how.threads` is what all domains have together; each gets its threads' share. `domains` were made from
  /// `plan`, and as it says workers are bound; what `how` says of processors does not count.
  domain_workers(const worker_pool_options& how, domain_pools& domains, const affinity_plan& plan);

  result<worker_outcome> run(const worker_task& task, worker_exchange& with,
                             const cancel_token& cancel) override;
  /// Starts a server and a worker in each pool, on the domains' threads. Returns at once; what goes wrong is
  /// in the log, and said again by whoever finds no worker.
  void warm_up(log_sink& log);

  std::size_t pools() const { return pools_.size(); }

 private:
  domain_pools& domains_;
  std::vector<std::unique_ptr<worker_pool>> pools_;
};

}  // namespace graphite
