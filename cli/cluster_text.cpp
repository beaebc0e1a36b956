#include "cli/cluster_text.hpp"

#include <fmt/format.h>

#include "core/path_text.hpp"
#include "core/units.hpp"

namespace graphite {

namespace {

std::string cpus_text(std::uint32_t milli) { return fmt::format("{:g}", milli / 1'000.0); }
double gib(std::uint64_t bytes) { return static_cast<double>(bytes) / GiB; }

void print_domains(console& out, const cluster_node& node) {
  for (std::size_t i = 0; i < node.domains.size(); ++i) {
    const auto& one = node.domains[i];
    out.say("    domain {}{}: {} of {} CPU, {:.1f} of {:.1f} GiB, {} running, {} wait there{}", i,
            one.cpus.empty() ? "" : " (processors " + printable(one.cpus) + ")",
            cpus_text(one.cpu_milli_used), cpus_text(one.cpu_milli), gib(one.memory_bytes_used),
            gib(one.memory_bytes), one.running, one.ahead,
            one.resources.empty() ? "" : ", " + printable(one.resources));
  }
}

void print_queue(console& out, const cluster_report& cluster) {
  for (const auto& one : cluster.classes)
    if (one.waiting + one.running > 0)
      out.say("  {:<12} {} waiting{}, {} running", printable(one.name), one.waiting,
              one.waiting > 0 ? fmt::format(" (the first for {:.1f} s)", one.oldest_seconds) : "",
              one.running);
  for (const auto& one : cluster.running)
    out.say("  running {:>7.1f} s  {}  {} at {}{}", one.seconds, printable(one.rule), printable(one.path),
            printable(one.node), one.second ? " (a second time: it is late elsewhere)" : "");
  for (const auto& one : cluster.misfits)
    out.say(
        "  {} {} action{} of rule {} fit{} no node: {} asked for. Start a node that has it, or change the "
        "rule",
        out.styled("waiting:", text_style::warning), one.count, one.count == 1 ? "" : "s",
        printable(one.rule), one.count == 1 ? "s" : "", printable(one.needs));
  if (cluster.tasks > 0)
    out.say("  about {:.1f} s to go: the longest chain takes {:.1f} s, all work by all processors {:.1f} s",
            cluster.eta_seconds(), cluster.critical_seconds, cluster.work_seconds);
}

}  // namespace

std::string node_text(const cluster_node& node) {
  const std::string name = printable(node.name);
  const std::string service =
      node.service == node_service::in ? "" : fmt::format("{}, ", to_text(node.service));
  if (!node.here) return fmt::format("node {}: {}away", name, service);
  std::uint64_t running = 0;
  std::uint32_t used = 0, all = 0;
  for (const auto& one : node.domains)
    running += one.running, used += one.cpu_milli_used, all += one.cpu_milli;
  return fmt::format("node {}: {}{}{} domain{}, {} running, {} of {} CPU in use{}", name, service,
                     node.leaving ? "leaving, " : "", node.domains.size(),
                     node.domains.size() == 1 ? "" : "s", running, cpus_text(used), cpus_text(all),
                     node.store ? ", store at " + printable(node.chunks) : "");
}

void print_cluster(console& out, const cluster_report& cluster) {
  out.say("cluster: {} nodes, {} stores, {} cop{} of each content, epoch {}", cluster.nodes.size(),
          cluster.stores, cluster.copies, cluster.copies == 1 ? "y" : "ies", cluster.epoch);
  if (cluster.in_grace) out.say("  waits for nodes that were here before it started again");
  if (cluster.deposed)
    out.say("  {}", out.styled("a later coordinator reigns: this one gives out nothing", text_style::bad));
  if (!cluster.commit_trouble.empty())
    out.say("  {}: {} results wait for the disk: {}", out.styled("trouble", text_style::bad),
            cluster.uncommitted, printable(cluster.commit_trouble));
  for (const auto& node : cluster.nodes) {
    out.say("  {}", node_text(node));
    print_domains(out, node);
  }
  print_queue(out, cluster);
}

}  // namespace graphite
