#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// \file What people are told of a cluster. Times are seconds, CPU is thousandths of a processor, names are
/// those of the protocol.

namespace graphite {

struct cluster_limits {
  static constexpr std::size_t nodes_max = 1'024, domains_max = 64, running_max = 100, misfits_max = 16,
                               classes_max = 16, text_bytes_max = 4'096;
};

/// Of a node, from now on and over its restarts.
enum class node_service : std::uint8_t {
  in,        ///< takes attempts
  cordoned,  ///< takes no more; what is there ends there
  draining   ///< the same, and what waits there goes elsewhere
};
inline constexpr const char* to_text(node_service how) {
  return how == node_service::in ? "in" : how == node_service::cordoned ? "cordoned" : "draining";
}

struct cluster_domain {
  std::string cpus;  ///< "0-3"
  std::uint32_t cpu_milli = 0, cpu_milli_used = 0;
  std::uint64_t memory_bytes = 0, memory_bytes_used = 0;
  std::uint64_t running = 0, ahead = 0;  ///< attempts; those sent ahead wait there
  std::string resources;                 ///< "gpu=1, licence=4"
  bool operator==(const cluster_domain&) const = default;
};

struct cluster_node {
  std::string name;
  node_service service = node_service::in;
  bool here = false;
  bool leaving = false;  ///< it said that it goes
  bool store = false;
  std::string chunks;  ///< HOST:PORT of its chunk port; empty: none
  double unheard_seconds = 0;
  std::uint64_t unacknowledged = 0;  ///< results that it keeps until they are durable
  std::vector<cluster_domain> domains;
  bool operator==(const cluster_node&) const = default;
};

struct cluster_class {
  std::string name;  ///< "interactive", "live", "job-high", "job", "job-low", "background"
  std::uint64_t waiting = 0, running = 0;
  double oldest_seconds = 0;  ///< how long the first of it has waited
  bool operator==(const cluster_class&) const = default;
};

struct cluster_running {
  std::string rule, path, node;
  double seconds = 0;
  bool second = false;  ///< a second attempt of what is late elsewhere
  bool operator==(const cluster_running&) const = default;
};

/// Actions that no node can run, and what they would need.
struct cluster_misfit {
  std::string rule, needs;
  std::uint64_t count = 0;
  bool operator==(const cluster_misfit&) const = default;
};

struct cluster_report {
  std::uint64_t epoch = 0;
  bool in_grace = false;  ///< after a start: nothing is given out until nodes that were here are back
  bool deposed = false;   ///< a later coordinator reigns
  std::uint32_t copies = 1, stores = 0;
  std::vector<cluster_node> nodes;  ///< ascending by name
  std::vector<cluster_class> classes;
  std::vector<cluster_running> running;  ///< the first ones
  std::vector<cluster_misfit> misfits;   ///< the first ones
  std::uint64_t tasks = 0, waiters = 0, delayed = 0, unplaceable = 0, hedged = 0;
  std::uint64_t uncommitted = 0;  ///< results that wait for the disk
  std::string commit_trouble;     ///< why the disk does not take them; empty: it does
  /// Until all of it is done, at least: the longest chain, and all work by all processors.
  double critical_seconds = 0, work_seconds = 0;
  double eta_seconds() const { return critical_seconds > work_seconds ? critical_seconds : work_seconds; }
  bool operator==(const cluster_report&) const = default;
};

struct node_order {
  std::string node;
  node_service how = node_service::in;
  std::uint64_t within_ms = 0;  ///< of draining: what runs longer goes elsewhere, too; 0: it ends there
  bool operator==(const node_order&) const = default;
};

}  // namespace graphite
