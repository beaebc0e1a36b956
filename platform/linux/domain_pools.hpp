#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/affinity.hpp"
#include "platform/linux/thread_pool.hpp"

namespace graphite {

struct domain_pools_options {
  std::string name = "worker";  ///< threads: NAME-0 … with one domain, NAME0-0 … (node, thread) with several
  affinity_plan plan{};
  std::size_t queued_max = 4096;  ///< of work that may run anywhere, and of each domain's
  int nice = 0;
};

/// A pool for each domain of the machine, and all of them as one: work that may run anywhere is done by
/// whichever thread has time, work for a domain by its own. Thread-safe.
class domain_pools final : public thread_pool {
 public:
  /// Errors: invalid_argument (a processor that may not be used), busy (no more threads to be had).
  static result<std::unique_ptr<domain_pools>> make(const domain_pools_options& options);
  ~domain_pools() override;

  using thread_pool::submit;
  result<void> submit(job work, work_priority priority) override;
  void stop() override;
  std::size_t threads() const override;
  std::size_t queued_max() const override;

  std::size_t domains() const { return pools_.size(); }
  /// For work whose memory lies in domain `index` < domains().
  pinned_pool& domain(std::size_t index) { return *pools_[index]; }
  /// What the system said to the first thread that it did not let be bound; none: they are as planned.
  std::optional<error> unbound() const;
  /// Whose thread the calling one is; none: of no domain.
  std::optional<std::size_t> domain_here() const;

 private:
  void drop_waiting();

  std::shared_ptr<shared_jobs> anywhere_;
  std::atomic<bool> stopped_{false};
  std::atomic<std::size_t> turn_{0};
  std::vector<std::unique_ptr<pinned_pool>> pools_;
};

}  // namespace graphite
