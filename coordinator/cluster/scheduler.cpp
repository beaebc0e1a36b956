#include "coordinator/cluster/scheduler.hpp"

#include <algorithm>

#include "coordinator/cluster/scheduler_state.hpp"

namespace graphite {

using impl = scheduler_impl;

scheduler_impl::scheduler_impl(const scheduler_options& given)
    : options(given),
      queue(given.queue),
      places(given.placement),
      leases(given.epoch, given.leases),
      retries(given.retries),
      hedges(given.hedging),
      rules(given.rules),
      poison(given.poison_max) {
  GRAPHITE_INVARIANT(given.tasks_max < 1u << 30 && given.waiters_max < 1u << 31 &&
                     given.domains_max <= placement::domains_max &&
                     given.retries.deaths_max <= retry_history::deaths_listed_max);
}

scheduler::scheduler(const scheduler_options& options) : impl_(std::make_unique<impl>(options)) {}
scheduler::~scheduler() = default;
scheduler::scheduler(scheduler&&) noexcept = default;
scheduler& scheduler::operator=(scheduler&&) noexcept = default;

result<tenant_index> scheduler::add_tenant(const tenant_limits& limits) {
  auto& all = impl_->tenants;
  if (all.size() >= impl_->options.tenants_max)
    return fail(errc::busy, "there are " + std::to_string(all.size()) + " tenants already");
  const auto made = static_cast<tenant_index>(all.size());
  all.push_back(true);
  if (auto set = set_tenant(made, limits); !set) {
    all.pop_back();
    return tl::unexpected(set.error());
  }
  return made;
}

result<void> scheduler::set_tenant(tenant_index tenant, const tenant_limits& limits) {
  if (tenant >= impl_->tenants.size()) return fail(errc::not_found, "no such tenant");
  if (limits.weight == 0 || limits.weight > fair_queue::weight_max)
    return fail(errc::invalid_argument,
                "a tenant's weight is 1 to " + std::to_string(fair_queue::weight_max));
  impl_->queue.set_weight(tenant, limits.weight);
  impl_->limits.set_tenant(tenant, limits.cpu_milli_max);
  return {};
}

result<pool_index> scheduler::pool(std::uint64_t number, std::uint32_t at_once) {
  if (at_once == 0) return fail(errc::invalid_argument, "a pool of nothing at once");
  GRAPHITE_TRY(const auto made, impl_->limits.intern(number));
  impl_->limits.set_pool(made, at_once);
  ++impl_->capacity_version;
  return made;
}

result<shape_index> scheduler::shape(const task_needs& needs) {
  if (!impl_->limits.known(needs.pool)) return fail(errc::invalid_argument, "no such pool");
  if (!impl_->places.requirements().known(needs.requirement))
    return fail(errc::invalid_argument, "no such requirement");
  return impl_->shapes.intern(needs);
}

result<requirement_index> scheduler::requirement(std::vector<std::string> names) {
  return impl_->places.requirements().intern(std::move(names));
}

const task_needs& scheduler::needs(shape_index shape) const { return impl_->shapes.at(shape); }
rule_index scheduler::rule(std::uint64_t number) { return impl_->rules.intern(number); }
learned_rules& scheduler::rules() { return impl_->rules; }

result<job_index> scheduler::open_job(tenant_index tenant) {
  if (tenant >= impl_->tenants.size()) return fail(errc::not_found, "no such tenant");
  auto& jobs = impl_->jobs;
  auto& unused = impl_->free_jobs;
  if (unused.empty()) {
    if (jobs.size() >= impl_->options.jobs_max)
      return fail(errc::busy, "there are " + std::to_string(jobs.size()) + " jobs already");
    unused.push_back(static_cast<job_index>(jobs.size()));
    jobs.emplace_back();
  }
  const auto made = unused.back();
  unused.pop_back();
  jobs[made] = {true, tenant, no_cluster_index};
  return made;
}

result<void> scheduler::close_job(job_index job) {
  if (job >= impl_->jobs.size() || !impl_->jobs[job].open) return fail(errc::not_found, "no such job");
  cancel_job(job);
  impl_->jobs[job].open = false;
  impl_->free_jobs.push_back(job);
  return {};
}

/// Time never goes back.
static void advance(impl& to, time_point now) { to.now = std::max(to.now, now); }

result<submitted> scheduler::submit(const task_spec& what, time_point now) {
  advance(*impl_, now);
  return impl_->submit(what);
}

bool scheduler::cancel(waiter_id waiter) {
  if (impl_->waiters.find(waiter.value) == nullptr) return false;
  impl_->drop_waiter(impl_->waiters.slot_of(waiter.value));
  return true;
}

void scheduler::cancel_job(job_index job) { cancel_before(job, ~std::uint64_t{0}); }

void scheduler::cancel_tenant(tenant_index tenant) {
  for (job_index job = 0; job < impl_->jobs.size(); ++job)
    if (impl_->jobs[job].open && impl_->jobs[job].tenant == tenant) cancel_job(job);
}

void scheduler::cancel_before(job_index job, std::uint64_t revision) {
  if (job < impl_->jobs.size() && impl_->jobs[job].open) impl_->cancel_all(job, revision);
}

result<void> scheduler::forgive(tenant_index tenant, const digest& key) {
  if (!impl_->poison.forgive(tenant, key)) return fail(errc::not_found, "it is not refused");
  return {};
}

result<welcome> scheduler::hello(const node_hello& what, time_point now) {
  advance(*impl_, now);
  return impl_->hello(what);
}

result<void> scheduler::heard(node_session session, epoch_number epoch, time_point now) {
  advance(*impl_, now);
  GRAPHITE_CHECK(impl_->leases.heard(session, epoch, now));
  return {};
}

void scheduler::leaving(node_session session, time_point deadline, time_point now) {
  advance(*impl_, now);
  const auto node = impl_->leases.node_of(session);
  if (!node) return;
  auto& state = impl_->nodes[*node];
  state.leaving = true;
  state.drain_told = false;
  impl_->reopen(*node);
  impl_->take_back(*node, false);
  impl_->timers.put(deadline, {schedule_timer::kind::drain_over, session.value, 0});
}

void scheduler::gone(node_session session, time_point now) {
  advance(*impl_, now);
  const auto node = impl_->leases.node_of(session);
  if (node && impl_->leases.end(session)) impl_->lose(*node, session, true);
}

report_use scheduler::finished(node_session session, const attempt_report& what, time_point now) {
  advance(*impl_, now);
  return impl_->finished(session, what);
}

result<void> scheduler::set_service(const std::string& node, lease_table::service how, time_point deadline,
                                    time_point now) {
  advance(*impl_, now);
  GRAPHITE_TRY(const auto at, impl_->leases.set_service(node, how));
  if (at >= impl_->nodes.size()) impl_->nodes.resize(at + 1);
  auto& state = impl_->nodes[at];
  if (!planted(planted_bug::drain_not_undone) || how != lease_table::service::in) impl_->reopen(at);
  state.drain_told = how != lease_table::service::draining && !state.leaving;
  if (how != lease_table::service::draining) return {};
  impl_->take_back(at, false);
  impl_->timers.put(deadline, {schedule_timer::kind::drain_over, state.session.value, 0});
  return {};
}

void impl::step() {
  for (const auto& lost : leases.expire(now)) lose(lost.node, lost.session, true);
  while (const auto timer = timers.take_due(now)) due(*timer);
  give_out();
  tell_drained();
  if (leases.is_deposed() && !std::exchange(deposed_told, true)) out.push_back(schedule_commands::deposed{});
  const auto timer = timers.next(), expiry = leases.next_expiry();
  if (timer && (!expiry || *timer < *expiry))
    out.push_back(schedule_commands::wake_at{*timer});
  else if (expiry)
    out.push_back(schedule_commands::wake_at{*expiry});
}

void scheduler::hold(bool held) { impl_->held = held; }

schedule_command_list scheduler::take() { return std::exchange(impl_->out, {}); }

schedule_command_list scheduler::step(time_point now) {
  advance(*impl_, now);
  impl_->step();
  auto out = std::exchange(impl_->out, {});
  impl_->out.reserve(out.size());
  return out;
}

schedule_status scheduler::status(time_point now) const { return impl_->status(std::max(impl_->now, now)); }

const lease_table& scheduler::leases() const { return impl_->leases; }

cluster_memory scheduler::remember() const {
  cluster_memory out;
  for (const auto& one : impl_->leases.list())
    out.nodes.push_back({one.name, one.how, one.session != node_session{}});
  out.poison = impl_->poison.list();
  return out;
}

void scheduler::recall(const cluster_memory& what, time_point now) {
  advance(*impl_, now);
  impl_->recall(what);
}

}  // namespace graphite
