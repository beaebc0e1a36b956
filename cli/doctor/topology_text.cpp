#include "cli/doctor/topology_text.hpp"

#include <fmt/format.h>

#include "cli/doctor/finding.hpp"

namespace graphite::doctor {

namespace {

constexpr std::size_t columns_max = 100;

std::string text_of_core(const drawn_core& core) {
  std::string out;
  for (const auto& one : core.processors) {
    if (!out.empty()) out += ' ';
    out += one.usable ? fmt::format("{}", one.number) : fmt::format("({})", one.number);
  }
  return "[" + out + "]";
}

std::string title_of_node(const drawn_node& drawn) {
  const auto& node = drawn.node;
  auto out = fmt::format("node {}  ", node.number);
  out += node.memory_bytes == 0 ? "no memory" : text_of_bytes(node.memory_bytes);
  if (!node.memory_allowed) out += " (may not be used)";
  if (drawn.package) out += fmt::format(", package {}", *drawn.package);
  if (!node.memory_only && drawn.cores.empty()) out += ", none of its processors may be used";
  if (!node.memory_only) return out;
  out += ", memory only";
  return node.beside ? out + fmt::format(", beside node {}", *node.beside) : out;
}

/// The cores in rows below the title.
std::string rows_of_node(const drawn_node& drawn, std::string_view margin) {
  std::string out, row;
  const auto end_row = [&] {
    if (!row.empty()) out += fmt::format("{}     {}\n", margin, row);
    row.clear();
  };
  for (const auto& core : drawn.cores) {
    const auto text = text_of_core(core);
    if (margin.size() + 5 + row.size() + text.size() > columns_max) end_row();
    row += (row.empty() ? "" : " ") + text;
  }
  end_row();
  return out;
}

std::string distance_table(const drawn_machine& machine) {
  std::string out = "distances";
  for (const auto& column : machine.nodes) out += fmt::format("{:>5}", column.node.number);
  out += '\n';
  for (const auto& row : machine.nodes) {
    out += fmt::format("{:>9}", row.node.number);
    for (const auto distance : row.node.distances) out += fmt::format("{:>5}", distance);
    out += '\n';
  }
  return out;
}

bool has_forbidden(const drawn_machine& machine) {
  for (const auto& node : machine.nodes)
    for (const auto& core : node.cores)
      for (const auto& one : core.processors)
        if (!one.usable) return true;
  return false;
}

}  // namespace

std::string topology_text(const drawn_machine& machine) {
  auto out = fmt::format("machine  {}, {}, {}, {} may be used\n", counted(machine.packages, "package"),
                         counted(machine.nodes.size(), "NUMA node"), counted(machine.online, "processor"),
                         machine.usable);
  for (std::size_t i = 0; i < machine.nodes.size(); ++i) {
    const bool last = i + 1 == machine.nodes.size();
    out += fmt::format("{} {}\n", last ? "└─" : "├─", title_of_node(machine.nodes[i]));
    out += rows_of_node(machine.nodes[i], last ? " " : "│");
  }
  if (has_forbidden(machine)) out += "[a b] one core, (a) may not be used\n";
  if (machine.distances) out += distance_table(machine);
  return out;
}

}  // namespace graphite::doctor
