#include <algorithm>

#include "coordinator/cluster/scheduler_state.hpp"

// Giving out: which task goes to which domain now.

namespace graphite {

using impl = scheduler_impl;
using phase = task_record::phase;
using why = schedule_commands::assign::why;

namespace {
constexpr std::size_t aside_max = 64;  // tasks looked over in a step that only themselves do not fit
}

placement::request impl::request_of(std::uint32_t slot) const {
  const auto& task = tasks.at(slot);
  return {&needs_of(task),
          task.expected_ns,
          std::span(task.inputs.data(), task.input_count),
          nodes_here > 1 ? task.not_on : no_cluster_index,
          std::span(task.retries.died.data(), task.retries.deaths),
          slot,
          retries.suspect(task.retries)};
}

/// CPU time, or memory in its place, of `wall_ns`.
std::uint64_t impl::cost_of(const task_needs& needs, std::uint64_t wall_ns) const {
  const auto by_memory =
      needs.memory_bytes / std::max<std::uint64_t>(options.memory_per_cpu_bytes / 1'000, 1);
  const auto milli = std::max<std::uint64_t>(needs.cpu_milli, by_memory);
  return std::min<std::uint64_t>(wall_ns, std::uint64_t{1} << 43) *
         std::min<std::uint64_t>(milli, 1'000'000) / 1'000;
}

void impl::give_out() {
  const bool waits = grace_until && !planted(planted_bug::no_grace);
  if (held || waits || leases.is_deposed()) return;
  if (places.live_count() == 0) return tell_alone();
  alone_told = false;
  use_reservations();
  nowhere.resize(shapes.size());
  const auto blocked = [this](task_class, tenant_index tenant, shape_index shape) {
    const auto& needs = shapes.at(shape);
    return nowhere[shape] == capacity_version || !limits.allows_pool(needs) ||
           !limits.allows_tenant(tenant, needs);
  };
  impossible_told.resize(shapes.size());
  while (const auto next = queue.next(blocked)) {
    const auto shape = tasks.at(*next).shape;
    if (give(*next))
      impossible_told[shape] = false;
    else
      fits_nowhere(*next, request_of(*next));
  }
  for (const auto slot : aside) put_in_queue(slot);
  aside.clear();
}

/// No node is here at all.
void impl::tell_alone() {
  const auto waits = queue.next([](task_class, tenant_index, shape_index) { return false; });
  if (waits && !std::exchange(alone_told, true))
    out.push_back(schedule_commands::unplaceable{tasks.id_of(*waits)});
}

bool impl::give(std::uint32_t slot) {
  auto& task = tasks.at(slot);
  // More may be known than when it was submitted.
  if (task.own_ns == 0) task.expected_ns = rules.expected_ns(task.rule);
  const auto where = places.choose(request_of(slot));
  if (!where) return false;
  assign(slot, *where, task.recheck ? why::recheck : task.attempts_made > 0 ? why::again : why::first);
  return true;
}

void impl::assign(std::uint32_t slot, const placement::choice& where, why reason) {
  auto& task = tasks.at(slot);
  const bool second = reason == why::straggler;
  if (!second) {
    queue.take(slot, cost_of(needs_of(task), task.expected_ns));
    task.is = phase::running;
  } else {
    queue.correct(task.level, task.tenant,
                  static_cast<std::int64_t>(cost_of(needs_of(task), task.expected_ns)));
  }
  const auto& made = place_attempt(slot, where, second, false);
  out.push_back(
      schedule_commands::assign{made.session, where.domain, key_of(slot, made.number), task.cookie, reason});
}

/// Books an attempt at its domain.
live_attempt& impl::place_attempt(std::uint32_t slot, const placement::choice& where, bool second,
                                  bool over) {
  auto& task = tasks.at(slot);
  const auto which = task.live[0].number == 0 ? 0u : 1u;
  auto& attempt = task.live[which];
  GRAPHITE_INVARIANT(attempt.number == 0);
  auto request = request_of(slot);
  attempt = {.number = ++task.attempts_made,
             .domain = where.domain,
             .session = nodes[places.node_of(where.domain)].session,
             .straggled = second,
             .suspect = request.suspect,
             .over = over,
             .shape = task.shape,
             .since = now,
             .cost_ns = cost_of(needs_of(task), task.expected_ns),
             .tenant = task.tenant,
             .level = task.level};
  request.needs = &taken_by(attempt);
  limits.take(task.tenant, *request.needs);
  busy_milli += request.needs->cpu_milli;
  if (second) hedged_milli += request.needs->cpu_milli, ++hedged_count;
  const auto handle = handle_of(slot, which);
  if (where.at_once) {
    const auto& slots = places.slots(where.domain);
    // The first short one makes room for others to be sent ahead.
    if (slots.short_running() == 0 && slots.is_short(request.expected_ns)) ++capacity_version;
    places.start(where.domain, handle, request);
    begun(handle);
  } else {
    places.queue(where.domain, handle, request);
  }
  places.note_content(where.domain, request.inputs);
  return attempt;
}

/// As far as can be told here, it runs from now on.
void impl::begun(domain_slots::attempt handle) {
  const auto slot = handle / 2;
  auto& task = tasks.at(slot);
  auto& attempt = task.live[handle % 2];
  attempt.begun = true;
  attempt.since = now;
  if (attempt.straggled || task.recheck || task.is != phase::running) return;
  const auto wait = hedges.patience(task.own_ns, rules.slow_ns(task.rule));
  if (wait) timers.put(now + *wait, {schedule_timer::kind::straggler, tasks.id_of(slot), attempt.number});
}

/// The first of its lane goes nowhere now: it is set aside where others of its shape might, else its shape
/// is.
void impl::fits_nowhere(std::uint32_t slot, const placement::request& what) {
  auto& task = tasks.at(slot);
  // A suspect that finds no node without another, a re-run whose result's node alone is free.
  const bool only_itself = what.suspect || what.not_on != no_cluster_index;
  if (only_itself && aside.size() < aside_max) {
    queue.drop(slot);
    aside.push_back(slot);
    return;
  }
  nowhere[task.shape] = capacity_version;
  const bool impossible = !places.possible(needs_of(task));
  if (impossible && !impossible_told[task.shape])
    out.push_back(schedule_commands::unplaceable{tasks.id_of(slot)});
  impossible_told[task.shape] = impossible;
  if (now - task.waiting_since < options.reserve_after ||
      reservations.size() >= std::max<std::size_t>(places.live_count() / 4, 1))
    return;
  const auto id = tasks.id_of(slot);
  const auto same = [&](const reservation& one) { return one.task == id; };
  if (std::any_of(reservations.begin(), reservations.end(), same)) return;
  if (const auto domain = places.candidate_to_reserve(what)) {
    places.reserve(*domain, slot);
    reservations.push_back({*domain, id});
  }
}

/// Those for whom a domain is kept free go there as soon as they fit.
void impl::use_reservations() {
  std::erase_if(reservations, [this](const reservation& one) {
    const auto slot = tasks.slot_of(one.task);
    const bool holds = places.live(one.domain) && places.reserved_for(one.domain) == slot;
    const bool waits = tasks.find(one.task) != nullptr && queue.contains(slot);
    if (!holds) return true;
    if (waits && places.open(one.domain)) {
      const auto& task = tasks.at(slot);
      if (!limits.allows_pool(needs_of(task)) || !limits.allows_tenant(task.tenant, needs_of(task)))
        return false;
      if (!give(slot)) return false;
    }
    places.unreserve(one.domain);
    ++capacity_version;
    return true;
  });
}

/// The attempt takes long: another node tries it, too.
void impl::hedge(std::uint32_t slot, std::uint32_t number) {
  auto& task = tasks.at(slot);
  const auto& first = task.live[0].number != 0 ? task.live[0] : task.live[1];
  if (task.is != phase::running || live_count(task) != 1 || first.number != number || first.stopping) return;
  const auto& needs = needs_of(task);
  auto request = request_of(slot);
  request.not_on = places.node_of(first.domain);
  // Of an orphan nobody knows what it is.
  const bool allowed = !task.orphan && hedges.may_add(needs.cpu_milli, hedged_milli, busy_milli) &&
                       limits.allows_pool(needs) && limits.allows_tenant(task.tenant, needs) && !held &&
                       !grace_until && !leases.is_deposed();
  const auto where = allowed ? places.choose(request) : std::nullopt;
  if (where && where->at_once) return assign(slot, *where, why::straggler);
  timers.put(now + options.hedging.after_min, {schedule_timer::kind::straggler, tasks.id_of(slot), number});
}

}  // namespace graphite
