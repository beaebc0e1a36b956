#include "platform/linux/domain_pools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace graphite {

result<std::unique_ptr<domain_pools>> domain_pools::make(const domain_pools_options& options) {
  const auto& domains = options.plan.domains;
  if (domains.empty()) return fail(errc::invalid_argument, "a plan without domains");
  auto out = std::make_unique<domain_pools>();
  out->anywhere_ = std::make_shared<shared_jobs>(options.queued_max);
  for (const auto& domain : domains) {
    pinned_pool_options one;
    one.name = domains.size() == 1 ? options.name : fmt::format("{}{}", options.name, domain.node);
    one.threads = domain.threads;
    one.queued_max = options.queued_max;
    one.nice = options.nice;
    if (options.plan.pinned) one.cpus = domain.cpus;
    one.one_each = options.plan.one_each;
    GRAPHITE_TRY(auto pool, pinned_pool::make(std::move(one), out->anywhere_));
    out->pools_.push_back(std::move(pool));
  }
  return out;
}

result<void> domain_pools::submit(job work, work_priority priority) {
  if (stopped_) return fail(errc::cancelled, "the domains' pools have stopped");
  if (!anywhere_->put(work, priority))
    return fail(errc::busy, fmt::format("{} jobs wait already", anywhere_->queued_max()));
  // One that stopped between the two would leave the job until the end.
  if (stopped_) drop_waiting();
  const auto first = turn_.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < pools_.size(); ++i)
    if (pools_[(first + i) % pools_.size()]->wake_one()) break;
  return {};
}

domain_pools::~domain_pools() { stop(); }

void domain_pools::stop() {
  stopped_ = true;
  for (const auto& pool : pools_) pool->stop();
  drop_waiting();
}

void domain_pools::drop_waiting() {
  for (std::size_t priority = 0; priority < work_priorities; ++priority)
    while (anywhere_->take(priority)) {
    }
}

std::optional<std::size_t> domain_pools::domain_here() const {
  for (std::size_t i = 0; i < pools_.size(); ++i)
    if (pools_[i]->is_here()) return i;
  return std::nullopt;
}

std::optional<error> domain_pools::unbound() const {
  for (const auto& pool : pools_)
    if (auto refused = pool->unbound()) return refused;
  return std::nullopt;
}

std::size_t domain_pools::threads() const {
  return std::accumulate(pools_.begin(), pools_.end(), std::size_t{0},
                         [](std::size_t sum, const auto& pool) { return sum + pool->threads(); });
}

std::size_t domain_pools::queued_max() const { return anywhere_->queued_max(); }

}  // namespace graphite
