#include "coordinator/cluster/placement.hpp"

#include <algorithm>
#include <bit>

namespace graphite {

namespace {
constexpr int domain_bits = 12;
static_assert(placement::domains_max == 1u << domain_bits);
}  // namespace

domain_index placement::add(node_index node, const domain_capacity& capacity) {
  auto at = static_cast<domain_index>(domains_.size());
  if (!unused_.empty()) {
    at = unused_.back();
    unused_.pop_back();
  } else {
    domains_.emplace_back();
    quick_.emplace_back();
    near_bytes_.push_back(0);
    some_now_.resize(at / 64 + 1);
    some_ahead_.resize(at / 64 + 1);
  }
  if (node >= suspects_.size()) suspects_.resize(node + 1);
  GRAPHITE_INVARIANT(at < domains_max);
  // The place is in the serial, so that a content's holder is found at once. It comes again after 2^20
  // domains: then what is known of contents may be wrong.
  ++serials_;
  const auto serial = std::max<content_index::holder>(serials_ << domain_bits | at, 1);
  domains_[at] = {true, true, node, serial, no_task, domain_slots(capacity, options_.slots)};
  ++live_count_;
  refresh(at);
  return at;
}

void placement::remove(domain_index domain) {
  GRAPHITE_INVARIANT(live(domain) && domains_[domain].slots.empty());
  domains_[domain] = {};
  refresh(domain);
  unused_.push_back(domain);
  --live_count_;
}

void placement::refresh(domain_index domain) {
  const auto& one = domains_[domain];
  const auto waiting_us = std::min<std::uint64_t>(one.slots.waiting_ns() / 1'000, 0xffffffffu);
  quick_[domain] = {
      one.open && one.slots.waiting() == 0 && one.slots.has_credit() ? one.slots.free().cpu_milli() : 0,
      one.open && one.slots.has_room_ahead() ? one.slots.soon().cpu_milli() : 0, one.slots.load(),
      static_cast<std::uint32_t>(waiting_us)};
  const auto bit = std::uint64_t{1} << domain % 64;
  const auto set = [&](std::vector<std::uint64_t>& bits, bool on) {
    bits[domain / 64] = on ? bits[domain / 64] | bit : bits[domain / 64] & ~bit;
  };
  set(some_now_, quick_[domain].free_cpu > 0);
  set(some_ahead_, quick_[domain].soon_cpu > 0);
}

void placement::find_near(std::span<const content_use> inputs) {
  for (const auto domain : near_) near_bytes_[domain] = 0;
  near_.clear();
  for (const auto& input : inputs) {
    if (input.bytes < options_.near_bytes_min / 4) continue;
    for (const auto where : contents_.find(input.content)) {
      if (where == 0) break;
      const auto domain = where & (domains_max - 1);
      if (domain >= domains_.size() || domains_[domain].serial != where) continue;
      if (near_bytes_[domain] == 0) near_.push_back(domain);
      near_bytes_[domain] += input.bytes;
    }
  }
  for (const auto domain : near_)
    if (near_bytes_[domain] < options_.near_bytes_min) near_bytes_[domain] = 0;
}

bool placement::admits(const state& one, const request& what) const {
  return one.node != what.not_on && requirements_.met(one.node, what.needs->requirement) &&
         (one.reserved_for == no_task || one.reserved_for == what.task) &&
         !(what.suspect && suspects_[one.node] > 0);
}

bool placement::unloved(domain_index domain, const request& what) const {
  return std::find(what.rather_not.begin(), what.rather_not.end(), domains_[domain].node) !=
         what.rather_not.end();
}

bool placement::better(domain_index a, domain_index b, const request& what, bool at_once) const {
  if (!what.rather_not.empty())
    if (const bool avoid = unloved(a, what); avoid != unloved(b, what)) return !avoid;
  if (!near_.empty() && near_bytes_[a] != near_bytes_[b]) return near_bytes_[a] > near_bytes_[b];
  return at_once ? quick_[a].load < quick_[b].load : quick_[a].waiting_us < quick_[b].waiting_us;
}

bool placement::takes(domain_index domain, const request& what, bool at_once) const {
  const auto& one = domains_[domain];
  return admits(one, what) &&
         (at_once ? one.slots.fits(*what.needs) : one.slots.may_queue(*what.needs, what.expected_ns));
}

std::optional<placement::choice> placement::best_of(const request& what, bool at_once) const {
  std::optional<choice> best;
  const auto& some = at_once ? some_now_ : some_ahead_;
  for (std::size_t word = 0; word < some.size(); ++word) {
    for (auto bits = some[word]; bits != 0; bits &= bits - 1) {
      const auto at = static_cast<domain_index>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
      const auto& fast = quick_[at];
      if ((at_once ? fast.free_cpu : fast.soon_cpu) < what.needs->cpu_milli) continue;
      if (best && !better(at, best->domain, what, at_once)) continue;
      if (takes(at, what, at_once)) best = {at, at_once};
    }
  }
  return best;
}

std::optional<placement::choice> placement::choose(const request& what) {
  find_near(what.inputs);
  if (const auto at_once = best_of(what, true)) return at_once;
  if (what.expected_ns > options_.slots.ahead_ns_max) return std::nullopt;
  return best_of(what, false);
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
  return std::any_of(domains_.begin(), domains_.end(), [&](const state& one) {
    return one.live && one.slots.fits_empty(needs) && requirements_.met(one.node, needs.requirement);
  });
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
