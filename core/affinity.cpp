#include "core/affinity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

namespace graphite {

namespace {

constexpr unsigned distance_unknown = std::numeric_limits<unsigned>::max();

bool has_usable_memory(const numa_node& node) { return node.memory_allowed && node.memory_bytes > 0; }

/// From the processors of the list's node `from` to the memory of its node `to`.
unsigned distance_between(const machine_topology& machine, std::size_t from, std::size_t to) {
  const auto& row = machine.nodes[from].distances;
  return to < row.size() ? row[to] : distance_unknown;
}

/// Places in the machine's list of those that have processors.
std::vector<std::size_t> nodes_with_processors(const machine_topology& machine) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < machine.nodes.size(); ++i)
    if (!machine.nodes[i].cpus.empty()) out.push_back(i);
  return out;
}

/// Which of `homes` the memory at `memory` belongs to: an index of it.
std::size_t home_of(const machine_topology& machine, const std::vector<std::size_t>& homes,
                    std::size_t memory) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < homes.size(); ++i) {
    if (machine.nodes[homes[i]].number == machine.nodes[memory].beside) return i;
    if (distance_between(machine, homes[i], memory) < distance_between(machine, homes[best], memory))
      best = i;
  }
  return best;
}

/// The numbers of `places`, nearest to `from` first; `from` itself is nearest of all.
std::vector<unsigned> nearest_first(const machine_topology& machine, std::size_t from,
                                    std::vector<std::size_t> places) {
  std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
    const auto key = [&](std::size_t to) {
      return std::pair(to != from, distance_between(machine, from, to));
    };
    return key(a) < key(b);
  });
  std::vector<unsigned> out;
  for (const auto place : places) out.push_back(machine.nodes[place].number);
  return out;
}

/// The memory of each home; none where there is no home.
std::vector<std::vector<unsigned>> share_memory(const machine_topology& machine,
                                                const std::vector<std::size_t>& homes) {
  std::vector<std::vector<std::size_t>> owned(homes.size());
  std::vector<std::size_t> usable;
  for (std::size_t i = 0; i < machine.nodes.size(); ++i) {
    const auto& node = machine.nodes[i];
    if (!has_usable_memory(node)) continue;
    usable.push_back(i);
    const auto own = std::find(homes.begin(), homes.end(), i);
    if (own != homes.end())
      owned[static_cast<std::size_t>(own - homes.begin())].push_back(i);
    else if (node.memory_only && !homes.empty())
      owned[home_of(machine, homes, i)].push_back(i);
  }
  std::vector<std::vector<unsigned>> out;
  for (std::size_t i = 0; i < homes.size(); ++i) {
    auto sorted = nearest_first(machine, homes[i], owned[i].empty() ? usable : owned[i]);
    if (owned[i].empty() && !sorted.empty()) sorted.resize(1);
    out.push_back(std::move(sorted));
  }
  return out;
}

std::size_t threads_wanted(const machine_topology& machine, std::size_t processors, std::size_t threads) {
  if (threads != 0) return threads;
  double out = static_cast<double>(processors);
  if (machine.cpu_quota) out = std::min(out, std::floor(*machine.cpu_quota));
  return out >= 1 ? static_cast<std::size_t>(out) : 1;  // also for what is no number
}

/// By largest remainder, ties to the first, among those that `among` names in ascending order.
void share_by_remainder(const std::vector<std::size_t>& weights, const std::vector<std::size_t>& among,
                        std::size_t threads, std::vector<std::size_t>& out) {
  std::size_t total = 0, given = 0;
  for (const auto i : among) total += weights[i];
  std::vector<std::size_t> order = among;
  for (const auto i : among) given += out[i] = threads * weights[i] / total;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return threads * weights[a] % total > threads * weights[b] % total;
  });
  for (std::size_t i = 0; i < order.size() && given < threads; ++i, ++given) ++out[order[i]];
}

/// At least one each: who would get less by weight has one, and the others share what is left.
std::vector<std::size_t> share_threads(const std::vector<std::size_t>& weights, std::size_t threads) {
  std::vector<std::size_t> out(weights.size(), 1), among(weights.size());
  std::iota(among.begin(), among.end(), std::size_t{0});
  if (threads <= weights.size()) return out;
  while (true) {
    std::size_t total = 0;
    for (const auto i : among) total += weights[i];
    const auto small = std::partition(among.begin(), among.end(),
                                      [&](std::size_t i) { return threads * weights[i] >= total; });
    if (small == among.end()) break;
    threads -= static_cast<std::size_t>(among.end() - small);
    among.erase(small, among.end());
  }
  std::sort(among.begin(), among.end());
  share_by_remainder(weights, among, threads, out);
  return out;
}

void decide_pinning(const machine_topology& machine, pin_mode mode, affinity_plan& plan) {
  plan.one_each = machine.unbalanced;
  switch (mode) {
    case pin_mode::never:
      plan.reason = "not bound, as asked";
      return;
    case pin_mode::always:
      plan.pinned = !plan.domains.front().cpus.empty();
      plan.reason = plan.pinned ? "bound, as asked" : "not bound: the processors are not known";
      return;
    case pin_mode::automatic:
      plan.pinned = machine.exclusive && !plan.domains.front().cpus.empty();
      plan.reason = fmt::format("{}: {}", plan.pinned ? "bound" : "not bound",
                                machine.exclusive_reason.empty() ? "nothing tells whose the processors are"
                                                                 : machine.exclusive_reason);
      return;
  }
}

}  // namespace

result<pin_mode> parse_pin_mode(std::string_view text) {
  for (const auto mode : {pin_mode::automatic, pin_mode::always, pin_mode::never})
    if (text == to_string(mode)) return mode;
  return fail(errc::invalid_argument, fmt::format("pinning is auto, on or off, not \"{}\"", text));
}

std::string_view to_string(pin_mode mode) {
  switch (mode) {
    case pin_mode::automatic:
      return "auto";
    case pin_mode::always:
      return "on";
    case pin_mode::never:
      return "off";
  }
  return "auto";
}

affinity_plan plan_affinity(const machine_topology& machine, pin_mode mode, std::size_t threads) {
  affinity_plan out;
  const auto homes = nodes_with_processors(machine);
  std::vector<std::size_t> weights;
  std::size_t processors = 0;
  for (const auto home : homes) processors += weights.emplace_back(machine.nodes[home].cpus.size());
  threads = threads_wanted(machine, homes.empty() ? machine.online_cpus : processors, threads);
  const auto shares = share_threads(weights, threads);
  const auto memory = share_memory(machine, homes);
  for (std::size_t i = 0; i < homes.size(); ++i) {
    const auto& node = machine.nodes[homes[i]];
    out.domains.push_back({node.number, node.cpus, shares[i], memory[i]});
  }
  if (homes.empty()) out.domains.push_back({.threads = threads});
  decide_pinning(machine, mode, out);
  return out;
}

}  // namespace graphite
