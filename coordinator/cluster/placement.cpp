#include "coordinator/cluster/placement.hpp"

#include <algorithm>

namespace graphite {

domain_index placement::add(node_index node, const domain_capacity& capacity) {
  auto at = static_cast<domain_index>(domains_.size());
  if (!unused_.empty()) {
    at = unused_.back();
    unused_.pop_back();
  } else {
    domains_.emplace_back();
    quick_.emplace_back();
  }
  if (node >= suspects_.size()) suspects_.resize(node + 1);
  domains_[at] = {true, true, node, ++serials_, no_task, domain_slots(capacity, options_.slots)};
  ++live_count_;
  refresh(at);
  return at;
}

void placement::remove(domain_index domain) {
  GRAPHITE_INVARIANT(live(domain) && domains_[domain].slots.empty());
  domains_[domain] = {};
  quick_[domain] = {};
  unused_.push_back(domain);
  --live_count_;
}

void placement::refresh(domain_index domain) {
  const auto& one = domains_[domain];
  quick_[domain] = {one.open && one.slots.waiting() == 0 ? one.slots.free().cpu_milli() : 0, one.slots.load(),
                    one.open && one.slots.short_running() > 0};
}

void placement::find_near(std::span<const content_use> inputs) {
  near_.clear();
  for (const auto& input : inputs) {
    if (input.bytes < options_.near_bytes_min / 4) continue;
    for (const auto where : contents_.find(input.content)) {
      if (where == 0) break;
      const auto known =
          std::find_if(near_.begin(), near_.end(), [&](const auto& one) { return one.where == where; });
      if (known != near_.end())
        known->bytes += input.bytes;
      else
        near_.push_back({where, input.bytes});
    }
  }
}

std::uint64_t placement::near(domain_index domain) const {
  for (const auto& one : near_)
    if (one.where == domains_[domain].serial) return one.bytes < options_.near_bytes_min ? 0 : one.bytes;
  return 0;
}

bool placement::admits(const state& one, const request& what) const {
  return one.node != what.not_on && (one.reserved_for == no_task || one.reserved_for == what.task) &&
         !(what.suspect && suspects_[one.node] > 0);
}

bool placement::unloved(domain_index domain, const request& what) const {
  return std::find(what.rather_not.begin(), what.rather_not.end(), domains_[domain].node) !=
         what.rather_not.end();
}

std::optional<placement::choice> placement::choose(const request& what) {
  find_near(what.inputs);
  std::optional<choice> best;
  candidate best_is;
  for (domain_index at = 0; at < quick_.size(); ++at) {
    const auto& fast = quick_[at];
    if (fast.free_cpu < what.needs->cpu_milli) continue;
    const candidate is{unloved(at, what), near_.empty() ? 0 : near(at), fast.load};
    if (best && !(is < best_is)) continue;
    if (!admits(domains_[at], what) || !domains_[at].slots.fits(*what.needs)) continue;
    best = {at, true};
    best_is = is;
  }
  if (best) return best;
  for (domain_index at = 0; at < quick_.size(); ++at) {
    const auto& one = domains_[at];
    if (!quick_[at].ahead || !admits(one, what) || !one.slots.may_queue(*what.needs, what.expected_ns))
      continue;
    const candidate is{unloved(at, what), near_.empty() ? 0 : near(at), one.slots.waiting_ns()};
    if (best && !(is < best_is)) continue;
    best = {at, false};
    best_is = is;
  }
  return best;
}

std::optional<domain_index> placement::candidate_to_reserve(const request& what) const {
  std::optional<domain_index> best;
  for (domain_index at = 0; at < domains_.size(); ++at) {
    const auto& one = domains_[at];
    if (!one.live || !one.open || one.reserved_for != no_task || !admits(one, what) ||
        !one.slots.fits_empty(*what.needs))
      continue;
    if (!best || one.slots.load() < domains_[*best].slots.load()) best = at;
  }
  return best;
}

bool placement::possible(const task_needs& needs) const {
  return std::any_of(domains_.begin(), domains_.end(),
                     [&](const state& one) { return one.live && one.slots.fits_empty(needs); });
}

void placement::start(domain_index domain, domain_slots::attempt what, const request& of) {
  domains_[domain].slots.start(what, *of.needs, of.expected_ns);
  if (of.suspect) ++suspects_[domains_[domain].node];
  refresh(domain);
}

void placement::queue(domain_index domain, domain_slots::attempt what, const request& of) {
  domains_[domain].slots.queue(what, *of.needs, of.expected_ns);
  if (of.suspect) ++suspects_[domains_[domain].node];
  refresh(domain);
}

void placement::remove_attempt(domain_index domain, domain_slots::attempt what, bool suspect,
                               std::vector<domain_slots::attempt>& started) {
  domains_[domain].slots.remove(what, started);
  if (suspect) --suspects_[domains_[domain].node];
  refresh(domain);
}

void placement::note_content(domain_index domain, std::span<const content_use> contents) {
  for (const auto& one : contents)
    if (one.bytes >= options_.near_bytes_min / 4) contents_.note(one.content, domains_[domain].serial);
}

void placement::set_open(domain_index domain, bool open) {
  domains_[domain].open = open;
  refresh(domain);
}

void placement::reserve(domain_index domain, std::uint32_t task) { domains_[domain].reserved_for = task; }

}  // namespace graphite
