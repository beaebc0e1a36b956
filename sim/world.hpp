#pragma once

#include <map>
#include <memory>

#include "sim/client_process.hpp"
#include "sim/coordinator_process.hpp"
#include "sim/node_process.hpp"

namespace graphite::sim {

struct world_options {
  std::uint64_t seed = 1;
  std::size_t nodes = 5, jobs = 4, actions = 60;  ///< actions of one job
  duration trouble_for = seconds(60);             ///< faults begin and end in this time
  unsigned faults_least = 4, faults_most = 12;
  bool coordinator_faults = true;
  duration settle_within = seconds(600);  ///< after the last fault is healed
};

struct report {
  std::uint64_t seed = 0;
  std::vector<std::string> broken;  ///< promises; empty: all were kept
  std::map<std::string, std::uint64_t> counters;
  std::uint64_t fingerprint = 0;
};

/// A cluster in one process on virtual time: a coordinator with its journal, nodes with their stores,
/// clients, a network, and what befalls them. The same options give the same run.
class world {
 public:
  explicit world(const world_options& options);
  report run();

  void record(event what);
  void trouble(std::string text) { record({.what = event::kind::trouble, .text = std::move(text)}); }
  node_process* node_at(host which) {
    return which >= 1 && which <= nodes.size() ? nodes[which - 1].get() : nullptr;
  }
  void count(const std::string& what, std::uint64_t more = 1) { counters[what] += more; }

  world_options options;
  events all;
  random any;
  network net;
  std::vector<event> history;
  expectations expected;
  std::map<std::string, std::uint64_t> counters;
  std::vector<std::unique_ptr<node_process>> nodes;
  std::unique_ptr<coordinator_process> coordinator;
  std::unique_ptr<client_process> client;
  std::uint64_t wall_clock = 1'800'000'000;  ///< seconds; it may be set back

 private:
  // faults.cpp
  void plan_faults();
  void befall(unsigned which, duration lasts);
  void crash_node(node_process& node, bool told, duration lasts);
  void cut(host from, host to, duration lasts);
  void cut_off(node_process& node);
  void reachable(node_process& node);
  void pause_coordinator(duration lasts);
  void crash_coordinator(bool told, duration lasts, int patience);
  void heal();
  void put_in_service();

  void make_nodes();
  void make_jobs();
  bool all_quiet() const;
  void check_rest();
};

}  // namespace graphite::sim
