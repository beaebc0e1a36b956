#include <algorithm>
#include <map>

#include "coordinator/cluster/scheduler_state.hpp"

// What people are told.

namespace graphite {

using impl = scheduler_impl;
using phase = task_record::phase;

schedule_status impl::status(time_point at) const {
  schedule_status told;
  told.tasks = tasks.size();
  told.waiters = waiters.size();
  told.delayed = delayed;
  told.hedged = hedged_count;
  told.in_grace = grace_until.has_value();
  told.deposed = leases.is_deposed();
  std::vector<signed char> possible(shapes.size(), -1);
  std::map<shape_index, std::size_t> misfit_of;
  std::uint64_t work_milli_ns = 0, all_milli = 0;
  for (std::uint32_t slot = 0; slot < tasks.slots(); ++slot) {
    if (!tasks.live(slot)) continue;
    const auto& task = tasks.at(slot);
    if (task.is == phase::settled || task.is == phase::dropped || task.recheck) continue;
    auto& level = told.classes[static_cast<std::size_t>(task.level)];
    const auto& needs = needs_of(task);
    duration done{};
    if (task.is == phase::running) {
      ++level.running;
      for (const auto& attempt : task.live)
        if (attempt.number != 0 && attempt.begun) done = std::max(done, at - attempt.since);
    } else {
      ++level.waiting;
      level.oldest = std::max(level.oldest, at - task.waiting_since);
      if (possible[task.shape] < 0) possible[task.shape] = places.possible(needs) ? 1 : 0;
      if (possible[task.shape] == 0) {
        ++told.unplaceable;
        const auto [at_place, is_new] = misfit_of.try_emplace(task.shape, told.misfits.size());
        if (is_new) told.misfits.push_back({0, tasks.id_of(slot)});
        ++told.misfits[at_place->second].count;
      }
    }
    const auto left = [&](std::uint64_t ns) {
      return std::max(duration(static_cast<std::int64_t>(std::min(ns, options.critical_ns_max))) - done,
                      duration{});
    };
    told.critical_bound = std::max(told.critical_bound, left(std::max(task.critical_ns, task.expected_ns)));
    work_milli_ns += static_cast<std::uint64_t>(left(task.expected_ns).count()) / 1'000 * needs.cpu_milli;
  }
  if (told.misfits.size() > schedule_status::misfits_max) told.misfits.resize(schedule_status::misfits_max);
  for (domain_index domain = 0; domain < places.size(); ++domain) {
    if (!places.live(domain)) continue;
    const auto& slots = places.slots(domain);
    const auto& all = slots.capacity();
    told.domains.push_back({domain, places.node_of(domain), places.open(domain), slots.running(),
                            slots.waiting(), all.cpu_milli, all.cpu_milli - slots.free().cpu_milli(),
                            all.memory_bytes, all.memory_bytes - slots.free().memory_bytes()});
    if (places.open(domain)) all_milli += all.cpu_milli;
  }
  if (all_milli > 0) told.work_bound = duration(static_cast<std::int64_t>(work_milli_ns / all_milli * 1'000));
  return told;
}

}  // namespace graphite
