#include <algorithm>
#include <array>

#include "sim/world.hpp"

// What befalls a cluster.

namespace graphite::sim {

namespace {

enum fault : unsigned {
  node_crash,
  node_vanish,
  coordinator_crash,
  coordinator_vanish,
  node_pause,
  coordinator_pause,
  partition,
  one_way_to_coordinator,
  one_way_from_coordinator,
  nodes_apart,
  link_reset,
  slow_host,
  lossy_network,
  coordinator_disk_full,
  node_disk_full,
  drain,
  leave,
  clock_step,
  fault_count
};

constexpr std::array<const char*, fault_count> fault_names = {"node crashes",
                                                              "nodes that vanish",
                                                              "coordinator crashes",
                                                              "coordinators that vanish",
                                                              "node pauses",
                                                              "coordinator pauses",
                                                              "partitions",
                                                              "one-way partitions to the coordinator",
                                                              "one-way partitions from the coordinator",
                                                              "nodes apart",
                                                              "links reset",
                                                              "slow hosts",
                                                              "lossy networks",
                                                              "coordinator disks full",
                                                              "node disks full",
                                                              "drains",
                                                              "leaves",
                                                              "clock steps"};

}  // namespace

void world::plan_faults() {
  const auto how_many = any.between(options.faults_least, options.faults_most);
  for (std::uint64_t i = 0; i < how_many; ++i) {
    const auto when = all.now() + any.between(seconds(2), options.trouble_for - seconds(6));
    const auto lasts =
        any.chance(30) ? any.between(seconds(4), seconds(12)) : any.between(milliseconds(100), seconds(4));
    const auto which = static_cast<unsigned>(any.below(fault_count));
    all.at(when, [this, which, lasts] { befall(which, lasts); });
  }
}

/// For whoever listens.
void world::cut_off(node_process& node) {
  if (coordinator->paused()) return;
  record({.what = event::kind::cut_off, .node = node.at() - 1});
}

void world::reachable(node_process& node) { record({.what = event::kind::reachable, .node = node.at() - 1}); }

void world::crash_node(node_process& node, bool told, duration lasts) {
  if (!node.alive()) return;
  if (!told) cut_off(node);
  node.crash(told);
  all.after(lasts, [this, &node] {
    if (node.alive()) return;
    reachable(node);
    node.start();
  });
}

void world::cut(host from, host to, duration lasts) {
  net.block(from, to, true);
  if (to == 0) cut_off(*node_at(from));
  all.after(lasts, [this, from, to] {
    net.block(from, to, false);
    if (to == 0) reachable(*node_at(from));
  });
}

/// It hears nobody, and blames nobody for it.
void world::pause_coordinator(duration lasts) {
  for (auto& one : nodes) reachable(*one);
  coordinator->pause_until(all.now() + lasts);
}

/// Best while it writes.
void world::crash_coordinator(bool told, duration lasts, int patience) {
  if (patience > 0 && !coordinator->journal.busy())
    return all.after(microseconds(500), [=, this] { crash_coordinator(told, lasts, patience - 1); });
  coordinator->crash(told);
  all.after(std::min<duration>(lasts, seconds(3)), [this] {
    if (!coordinator->alive()) coordinator->start();
  });
}

void world::befall(unsigned which, duration lasts) {
  auto& node = *nodes[any.below(nodes.size())];
  auto& other = *nodes[any.below(nodes.size())];
  const bool to_coordinator = which == coordinator_crash || which == coordinator_vanish ||
                              which == coordinator_pause || which == clock_step;
  if (to_coordinator && !options.coordinator_faults) return;
  count(fault_names[which]);
  count("faults");
  switch (which) {
    case node_crash:
    case node_vanish:
      return crash_node(node, which == node_crash, lasts);
    case clock_step:
      wall_clock -= 100'000;
      [[fallthrough]];
    case coordinator_crash:
    case coordinator_vanish:
      return crash_coordinator(which != coordinator_vanish, lasts, any.chance(70) ? 1'000 : 0);
    case node_pause:
      if (!node.alive()) return;
      cut_off(node);
      node.pause_until(all.now() + lasts);
      return all.after(lasts, [this, &node] { reachable(node); });
    case coordinator_pause:
      return pause_coordinator(lasts);
    case partition:
      cut(0, node.at(), lasts);
      return cut(node.at(), 0, lasts);
    case one_way_to_coordinator:
      return cut(node.at(), 0, lasts);
    case one_way_from_coordinator:
      return cut(0, node.at(), lasts);
    case nodes_apart:
      if (&node == &other) return;
      cut(node.at(), other.at(), lasts);
      return cut(other.at(), node.at(), lasts);
    case link_reset:
      for (const auto link : net.links_of(node.at())) net.reset(link);
      return;
    case slow_host:
      net.set_slow(node.at(), lasts / 20);
      return all.after(lasts, [this, &node] { net.set_slow(node.at(), {}); });
    case lossy_network:
      net.lost_percent = 20;
      net.doubled_percent = 20;
      return all.after(lasts, [this] { net.lost_percent = net.doubled_percent = 0; });
    case coordinator_disk_full:
      coordinator->journal.full = true;
      return all.after(lasts, [this] { coordinator->journal.full = false; });
    case node_disk_full:
      node.disk_full = true;
      return all.after(lasts, [&node] { node.disk_full = false; });
    case drain:
      if (!coordinator->ready()) return;
      coordinator->set_service(node.name(), lease_table::service::draining, lasts / 2);
      return all.after(lasts, [this, &node] {
        if (coordinator->ready()) coordinator->set_service(node.name(), lease_table::service::in, {});
      });
    case leave:
      return node.after(duration{}, [&node] { node.leave(); });
    default:
      return;
  }
}

void world::heal() {
  net.heal();
  coordinator->journal.full = false;
  coordinator->resume();
  if (!coordinator->alive()) coordinator->start();
  for (auto& one : nodes) {
    one->disk_full = false;
    one->resume();
    reachable(*one);
    if (!one->alive()) one->start();
  }
  put_in_service();
}

void world::put_in_service() {
  if (!coordinator->ready()) return all.after(milliseconds(100), [this] { put_in_service(); });
  for (auto& one : nodes) coordinator->set_service(one->name(), lease_table::service::in, {});
}

}  // namespace graphite::sim
