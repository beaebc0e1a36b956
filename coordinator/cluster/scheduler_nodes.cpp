#include <algorithm>

#include "coordinator/cluster/scheduler_state.hpp"

// Who is there: hellos, adoption, losses, drains.

namespace graphite {

using impl = scheduler_impl;
using phase = task_record::phase;
using timer = schedule_timer::kind;
using service = lease_table::service;

result<welcome> impl::hello(const node_hello& what) {
  const bool sound =
      !what.domains.empty() && what.domains.size() <= options.domains_of_node_max &&
      what.running.size() <= options.running_listed_max && what.offers.size() <= options.offers_max &&
      std::all_of(what.domains.begin(), what.domains.end(),
                  [](const domain_capacity& one) { return one.cpu_milli > 0 && one.attempts > 0; });
  if (!sound) return fail(errc::invalid_argument, what.name + " offers no domains, or more than are allowed");
  const auto known = leases.find(what.name);
  const auto own = known && *known < nodes.size() ? nodes[*known].domains.size() : 0;
  if (places.live_count() - own + what.domains.size() > options.domains_max)
    return fail(errc::busy, "there are " + std::to_string(places.live_count()) + " domains already");
  GRAPHITE_TRY(const auto greeting, leases.hello(what.name, what.incarnation, what.last_seen, now));
  if (greeting.lost != node_session{} && !planted(planted_bug::older_start_kept))
    lose(greeting.node, greeting.lost, !greeting.returned);
  if (greeting.node >= nodes.size()) nodes.resize(greeting.node + 1);
  auto& node = nodes[greeting.node];
  if (greeting.returned) pardon(greeting.node);
  node.blamed.clear();
  node.session = greeting.session;
  node.leaving = false;
  node.drain_told = leases.service_of(greeting.node) != service::draining;
  ++nodes_here;
  places.requirements().offer(greeting.node, what.offers);
  welcome out{greeting.node, greeting.session, {}, {}};
  for (const auto& capacity : what.domains) {
    node.domains.push_back(places.add(greeting.node, capacity));
    if (node.domains.back() >= pauses.size()) pauses.resize(node.domains.back() + 1);
    pauses[node.domains.back()] = {};
  }
  out.domains = node.domains;
  reopen(greeting.node);
  for (const auto& one : what.running)
    out.running.push_back(
        {one.was, one.domain < out.domains.size() ? adopt(one, out.domains[one.domain]) : std::nullopt});
  awaited_came(what.name);
  return out;
}

/// The task that goes on with this attempt; nothing where it has to stop.
std::optional<std::uint32_t> impl::adoptable(const running_attempt& one, domain_index domain) {
  if (one.key.is_zero()) return std::nullopt;
  const bool over = one.is == running_attempt::state::ended;
  auto slot = task_of(one.key);
  if (slot == digest_index::none) {
    // Whether this reign has had its result already is known only until the grace is over.
    const bool may_be_wanted =
        grace_until && one.was.epoch < options.epoch && !settled_in_grace.contains(one.key);
    if (!may_be_wanted || tasks.size() >= options.tasks_max) return std::nullopt;
    auto needs = one.needs;
    const auto pool = one.pool ? limits.intern(*one.pool) : no_cluster_index;
    if (!pool) return std::nullopt;
    needs.pool = *pool;
    const auto shape = shapes.intern(needs);
    if (!shape || (!over && (!places.slots(domain).free().fits(needs) || !limits.allows_pool(needs))))
      return std::nullopt;
    return make_orphan(one, *shape);
  }
  auto& task = tasks.at(slot);
  const bool waits = task.is == phase::waiting || task.is == phase::delayed;
  const auto& needs = needs_of(task);
  const bool fits = over || (places.slots(domain).free().fits(needs) && limits.allows_pool(needs) &&
                             limits.allows_tenant(task.tenant, needs));
  if (!waits || !fits) return std::nullopt;
  if (task.is == phase::delayed) --delayed;
  if (!planted(planted_bug::adopted_and_queued)) queue.drop(slot);
  return slot;
}

std::uint32_t impl::make_orphan(const running_attempt& one, shape_index shape) {
  const auto slot = tasks.slot_of(tasks.insert());
  auto& task = tasks.at(slot);
  task.key = one.key;
  task.orphan = true;
  task.tenant = no_cluster_index;
  task.shape = shape;
  task.rule = rules.intern(one.rule);
  task.expected_ns = rules.expected_ns(task.rule);
  task.order = ++orders;
  task.level = task_class::background;
  task.waiting_since = now;
  keys.insert(one.key, slot);
  return slot;
}

std::optional<attempt_key> impl::adopt(const running_attempt& one, domain_index domain) {
  const auto slot = adoptable(one, domain);
  if (!slot) return std::nullopt;
  auto& task = tasks.at(*slot);
  task.is = phase::running;
  auto& attempt = place_attempt(*slot, {domain, true}, false, one.is == running_attempt::state::ended);
  attempt.since = now - std::clamp(one.ran, duration{}, duration(std::chrono::hours(24 * 365)));
  queue.correct(attempt.level, attempt.tenant, static_cast<std::int64_t>(attempt.cost_ns));
  return key_of(*slot, attempt.number);
}

/// Handles of all at the node: of each domain those that wait first, from behind, so that none of them begins
/// when they are taken off in this order.
std::vector<domain_slots::attempt> impl::attempts_of(node_index node) const {
  std::vector<domain_slots::attempt> out;
  for (const auto domain : nodes[node].domains) {
    const auto there = places.slots(domain).attempts();
    out.insert(out.end(), there.rbegin(), there.rend());
  }
  return out;
}

void impl::lose(node_index node, node_session session, bool died) {
  auto& state = nodes[node];
  GRAPHITE_INVARIANT(state.session == session);
  state.blamed.clear();
  const auto cause = died && !state.leaving ? retry_cause::node_lost : retry_cause::handed_back;
  for (const auto handle : attempts_of(node)) {
    const auto slot = handle / 2;
    const auto attempt = take_off(slot, handle % 2, std::nullopt);
    const auto& task = tasks.at(slot);
    if (task.is == phase::running && !task.recheck)
      try_again(slot, attempt, cause);
    else
      maybe_release(slot);
  }
  for (const auto domain : state.domains) places.remove(domain);
  state.domains.clear();
  places.requirements().offer(node, {});
  state.session = {};
  state.leaving = false;
  --nodes_here;
  out.push_back(schedule_commands::node_lost{node, session});
  if (!std::exchange(state.drain_told, true)) out.push_back(schedule_commands::drained{node});
}

/// The same start of the node is back: what ran there when it was lost has not killed it.
void impl::pardon(node_index node) {
  for (const auto id : std::exchange(nodes[node].blamed, {}))
    if (auto* task = tasks.find(id)) retry_policy::pardon(task->retries, node);
}

/// The domain's own side failed: it gets nothing for a while.
void impl::refused(domain_index domain) {
  auto& pause = pauses[domain];
  if (pause.paused) return;
  pause.last = pause.last == duration{} ? options.pause : std::min(pause.last * 2, options.pause_max);
  pause.paused = true;
  places.set_open(domain, false);
  const auto id = static_cast<std::uint64_t>(places.serial_of(domain)) << 32 | domain;
  timers.put(now + pause.last, {timer::resume, id, 0});
}

bool impl::takes_more(node_index node) const {
  return leases.service_of(node) == service::in && !nodes[node].leaving;
}

void impl::reopen(node_index node) {
  for (const auto domain : nodes[node].domains)
    places.set_open(domain, takes_more(node) && !pauses[domain].paused);
  ++capacity_version;
}

/// What waits at the node comes back; or `all` of it.
void impl::take_back(node_index node, bool all) {
  for (const auto handle : attempts_of(node)) {
    auto& attempt = tasks.at(handle / 2).live[handle % 2];
    if (all || !attempt.begun) stop(handle / 2, attempt, !all);
  }
}

void impl::tell_drained() {
  for (node_index node = 0; node < nodes.size(); ++node) {
    auto& state = nodes[node];
    if (state.drain_told || !attempts_of(node).empty()) continue;
    state.drain_told = true;
    out.push_back(schedule_commands::drained{node});
  }
}

void impl::due(const schedule_timer& what) {
  const auto low = static_cast<std::uint32_t>(what.id);
  auto* task = tasks.find(what.id);
  switch (what.what) {
    case timer::straggler:
      if (task != nullptr) hedge(low, what.number);
      return;
    case timer::compare_over:
      if (task == nullptr || task->is != phase::settled) return;
      for (auto& attempt : task->live)
        if (attempt.number == what.number) stop(low, attempt, false);
      return;
    case timer::retry:
      if (task == nullptr || task->is != phase::delayed || task->attempts_made != what.number) return;
      --delayed;
      if (planted(planted_bug::retry_forgotten)) return;
      return put_in_queue(low);
    case timer::resume:
      if (planted(planted_bug::pause_for_ever)) return;
      if (!places.live(low) || places.serial_of(low) != what.id >> 32) return;
      pauses[low].paused = false;
      return reopen(places.node_of(low));
    case timer::drain_over:
      if (const auto node = leases.node_of(node_session{what.id}); node && !takes_more(*node))
        take_back(*node, true);
      return;
    case timer::grace_over:
      return end_grace();
    case timer::orphans_over:
      return end_orphans();
  }
}

void impl::awaited_came(const std::string& name) {
  std::erase(awaited, name);
  if (awaited.empty()) end_grace();
}

void impl::end_grace() {
  grace_until.reset();
  settled_in_grace.clear();
}

/// Nobody has asked for them since the restart.
void impl::end_orphans() {
  for (std::uint32_t slot = 0; slot < tasks.slots(); ++slot) {
    if (!tasks.live(slot) || !tasks.at(slot).orphan) continue;
    unwanted(slot);
  }
}

void impl::recall(const cluster_memory& what) {
  for (const auto& one : what.poison) poison.add(one);
  for (const auto& one : what.nodes) {
    if (one.how != service::in && !leases.set_service(one.name, one.how)) continue;
    if (one.here) awaited.push_back(one.name);
  }
  if (awaited.empty()) return;
  grace_until = now + options.grace;
  timers.put(*grace_until, {timer::grace_over, 0, 0});
  timers.put(now + options.orphan_patience, {timer::orphans_over, 0, 0});
}

}  // namespace graphite
