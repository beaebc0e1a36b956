#include "platform/linux/domain_pools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace graphite {

result<std::unique_ptr<domain_pools>> domain_pools::make(const domain_pools_options& options) {
  const auto& domains = options.plan.domains;
  if (domains.empty()) return fail(errc::invalid_argument, "a plan without domains");
  auto out = std::make_unique<domain_pools>();
  for (const auto& domain : domains) {
    pinned_pool_options one;
    one.name = domains.size() == 1 ? options.name : fmt::format("{}{}", options.name, domain.node);
    one.threads = domain.threads;
    one.queued_max = std::max<std::size_t>(options.queued_max / domains.size(), 1);
    one.nice = options.nice;
    if (options.plan.pinned) one.cpus = domain.cpus;
    GRAPHITE_TRY(auto pool, pinned_pool::make(std::move(one)));
    out->pools_.push_back(std::move(pool));
  }
  return out;
}

result<void> domain_pools::submit(job work, work_priority priority) {
  const auto& least = *std::min_element(pools_.begin(), pools_.end(),
                                        [](const auto& a, const auto& b) { return a->load() < b->load(); });
  return least->submit(std::move(work), priority);
}

void domain_pools::stop() {
  for (const auto& pool : pools_) pool->stop();
}

std::size_t domain_pools::threads() const {
  return std::accumulate(pools_.begin(), pools_.end(), std::size_t{0},
                         [](std::size_t sum, const auto& pool) { return sum + pool->threads(); });
}

std::size_t domain_pools::queued_max() const {
  return std::accumulate(pools_.begin(), pools_.end(), std::size_t{0},
                         [](std::size_t sum, const auto& pool) { return sum + pool->queued_max(); });
}

}  // namespace graphite
