#include "cli/domain_workers.hpp"

#include <algorithm>

namespace graphite {

domain_workers::domain_workers(const worker_pool_options& how, domain_pools& domains,
                               const affinity_plan& plan)
    : domains_(domains) {
  const auto count = plan.pinned ? domains.domains() : 1;
  for (std::size_t i = 0; i < count; ++i) {
    auto one = how;
    one.cpus = plan.pinned ? plan.domains[i].cpus : std::vector<int>();
    one.one_each = plan.one_each;
    if (plan.pinned)
      one.threads = std::min(how.threads, static_cast<std::uint32_t>(domains.domain(i).threads()));
    pools_.push_back(std::make_unique<worker_pool>(std::move(one)));
  }
}

result<worker_outcome> domain_workers::run(const worker_task& task, worker_exchange& with,
                                           const cancel_token& cancel) {
  const auto here = pools_.size() == 1 ? 0 : domains_.domain_here().value_or(0);
  return pools_[here]->run(task, with, cancel);
}

void domain_workers::warm_up(log_sink& log) {
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    const auto start = [pool = pools_[i].get(), &log] {
      if (const auto warm = pool->warm_up(); !warm) log.warn("{}", warm.error().context);
    };
    // A pool that takes nothing more is at work: its first task starts them.
    (void)(pools_.size() == 1 ? domains_.submit(start) : domains_.domain(i).submit(start));
  }
}

}  // namespace graphite
