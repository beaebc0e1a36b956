#include "cli/cluster_metrics.hpp"

#include "platform/linux/thread_name.hpp"

namespace graphite {

void cluster_metrics::set(const std::string& name, const char* help, double value,
                          const metrics_registry::labels& with) {
  registry_.make_gauge(name, help, with).set(value);
}

void cluster_metrics::tell_domain(const cluster_domain& domain, const metrics_registry::labels& with) {
  set("graphite_domain_cpus", "Processors of a domain", domain.cpu_milli / 1e3, with);
  set("graphite_domain_cpus_used", "Processors that attempts there take", domain.cpu_milli_used / 1e3, with);
  set("graphite_domain_memory_bytes", "Memory of a domain", static_cast<double>(domain.memory_bytes), with);
  set("graphite_domain_memory_used_bytes", "Memory that attempts there may take",
      static_cast<double>(domain.memory_bytes_used), with);
  set("graphite_domain_running", "Attempts that run there", static_cast<double>(domain.running), with);
  set("graphite_domain_waiting", "Attempts that were sent ahead and wait there",
      static_cast<double>(domain.ahead), with);
}

void cluster_metrics::report(const cluster_report& now) {
  std::size_t here = 0;
  std::set<std::pair<std::string, std::string>> told;
  for (const auto& node : now.nodes) {
    here += node.here ? 1 : 0;
    for (std::size_t i = 0; i < node.domains.size(); ++i) {
      const auto number = std::to_string(i);
      tell_domain(node.domains[i], {{"node", node.name}, {"domain", number}});
      told.emplace(node.name, number);
    }
  }
  for (const auto& [node, number] : domains_)
    if (!told.contains({node, number})) tell_domain({}, {{"node", node}, {"domain", number}});
  domains_.merge(told);
  set("graphite_cluster_nodes", "Nodes that are here", static_cast<double>(here));
  set("graphite_cluster_stores", "Stores that are here", now.stores);
  for (const auto& one : now.classes) {
    const metrics_registry::labels with{{"class", one.name}};
    set("graphite_queue_waiting", "Actions that wait for a node", static_cast<double>(one.waiting), with);
    set("graphite_queue_running", "Actions that run", static_cast<double>(one.running), with);
    set("graphite_queue_age_seconds", "How long the first of them has waited", one.oldest_seconds, with);
  }
  set("graphite_cluster_delayed", "Actions that wait before they are tried again",
      static_cast<double>(now.delayed));
  set("graphite_cluster_unplaceable", "Actions that fit no node", static_cast<double>(now.unplaceable));
  set("graphite_cluster_hedged", "Second attempts of late actions", static_cast<double>(now.hedged));
  set("graphite_cluster_uncommitted", "Results that wait for the disk", static_cast<double>(now.uncommitted));
  set("graphite_cluster_eta_seconds", "Until all that is ready is done, at least", now.eta_seconds());
  set("graphite_cluster_critical_seconds", "The longest chain of what is ready", now.critical_seconds);
}

struct cluster_watch::shared {
  explicit shared(metrics_registry& registry) : figures(registry) {}
  std::mutex mutex;
  std::condition_variable changed;
  cluster_metrics figures;
  bool asked = false;  ///< and not answered yet
  bool stopped = false;
};

cluster_watch::cluster_watch(cluster_desk& desk, metrics_registry& registry)
    : shared_(std::make_shared<shared>(registry)), thread_([&desk, shared = shared_] {
        name_thread("cluster-figures");
        std::unique_lock lock(shared->mutex);
        do {
          if (std::exchange(shared->asked, true)) continue;
          lock.unlock();
          desk.report([shared](const result<cluster_report>& now) {
            const std::lock_guard answered(shared->mutex);
            if (now && !shared->stopped) shared->figures.report(*now);
            shared->asked = false;
          });
          lock.lock();
        } while (!shared->changed.wait_for(lock, std::chrono::seconds(1), [&] { return shared->stopped; }));
      }) {}

cluster_watch::~cluster_watch() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopped = true;
  }
  shared_->changed.notify_all();
  thread_.join();
}

}  // namespace graphite
