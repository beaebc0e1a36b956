#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "actors/cluster_facade.hpp"
#include "core/ports/metrics.hpp"

namespace graphite {

/// The figures of /metrics that tell of a coordinator's cluster: use and waiting of each domain, the queue
/// and its age by class, what is late, what fits nowhere.
class cluster_metrics {
 public:
  /// `registry` outlives the object.
  explicit cluster_metrics(metrics_registry& registry) : registry_(registry) {}

  /// O(nodes). A node that is gone counts as one with nothing.
  void report(const cluster_report& now);

 private:
  void set(const std::string& name, const char* help, double value,
           const metrics_registry::labels& with = {});
  void tell_domain(const cluster_domain& domain, const metrics_registry::labels& with);

  metrics_registry& registry_;
  std::set<std::pair<std::string, std::string>> domains_;  ///< node and number: told at least once
};

/// Brings a cluster's reports to its figures, each second, in a thread of its own.
class cluster_watch {
 public:
  /// All outlive the object.
  cluster_watch(cluster_desk& desk, metrics_registry& registry);
  ~cluster_watch();
  cluster_watch(const cluster_watch&) = delete;
  cluster_watch& operator=(const cluster_watch&) = delete;

 private:
  struct shared;
  const std::shared_ptr<shared> shared_;  ///< outlives replies that come late
  std::thread thread_;
};

}  // namespace graphite
