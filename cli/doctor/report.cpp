#include "cli/doctor/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace graphite::doctor {

namespace {

text_style style_of(finding_state state) {
  constexpr std::array styles{text_style::good, text_style::strong, text_style::warning, text_style::bad};
  return styles[static_cast<std::size_t>(state)];
}

template <class Value>
json_object value_or_null(const std::optional<Value>& value) {
  return value ? json_object(*value) : json_object();
}

/// Line feeds and `indent` blanks instead of blanks, so that what begins at `indent` ends before `columns`.
std::string broken(std::string text, std::size_t indent, std::size_t columns) {
  constexpr std::size_t least = 20;  // narrower than that helps nobody
  if (columns < indent + least) return text;
  std::size_t begin = 0;
  while (text.size() - begin > columns - indent) {
    auto blank = text.rfind(' ', begin + columns - indent);
    if (blank == std::string::npos || blank <= begin) blank = text.find(' ', begin + columns - indent);
    if (blank == std::string::npos) break;
    text.replace(blank, 1, "\n" + std::string(indent, ' '));
    begin = blank + 1 + indent;
  }
  return text;
}

std::string summary_of(const findings& all) {
  std::array<std::size_t, 4> counts{};
  for (const auto& one : all) ++counts[static_cast<std::size_t>(one.state)];
  return fmt::format("{}: {} ok, {}, {}, {} bad", counted(all.size(), "check"), counts[0],
                     counted(counts[1], "note"), counted(counts[2], "warning"), counts[3]);
}

json_object object_of(const drawn_node& drawn) {
  std::vector<std::vector<int>> cores;
  std::vector<int> forbidden;
  for (const auto& core : drawn.cores) {
    auto& numbers = cores.emplace_back();
    for (const auto& one : core.processors) {
      numbers.push_back(one.number);
      if (!one.usable) forbidden.push_back(one.number);
    }
  }
  std::sort(forbidden.begin(), forbidden.end());
  const auto& node = drawn.node;
  return {{"number", node.number},
          {"package", value_or_null(drawn.package)},
          {"memory_bytes", node.memory_bytes},
          {"memory_only", node.memory_only},
          {"memory_allowed", node.memory_allowed},
          {"beside", value_or_null(node.beside)},
          {"processors", node.cpus},
          {"forbidden", forbidden},
          {"cores", cores},
          {"distances", node.distances}};
}

json_object object_of(const machine_topology& machine, const drawn_machine& drawn,
                      const std::string& warning) {
  auto nodes = json_object::array();
  for (const auto& node : drawn.nodes) nodes.push_back(object_of(node));
  return {{"packages", machine.packages},
          {"online_processors", machine.online_cpus},
          {"usable_processors", drawn.usable},
          {"quota", value_or_null(machine.cpu_quota)},
          {"quota_reason", machine.quota_reason},
          {"exclusive", machine.exclusive},
          {"exclusive_reason", machine.exclusive_reason},
          {"warning", warning},
          {"nodes", nodes}};
}

json_object object_of(const machine_plan& plan, pin_mode pinning) {
  auto domains = json_object::array();
  for (const auto& domain : plan.affinity.domains)
    domains.push_back({{"node", domain.node},
                       {"processors", domain.cpus},
                       {"threads", domain.threads},
                       {"memory", domain.memory}});
  return {{"pin", to_string(pinning)},
          {"pinned", plan.affinity.pinned},
          {"reason", plan.affinity.reason},
          {"placement_refused", plan.placement_reason},
          {"domains", domains}};
}

}  // namespace

std::string findings_text(const findings& all, const text_look& how) {
  constexpr std::size_t state_width = 8;
  std::size_t width = 0;
  for (const auto& one : all) width = std::max(width, one.name.size());
  const auto indent = state_width + width + 2;
  std::string out;
  for (const auto& one : all) {
    const auto state = fmt::format("{:<{}}", name_of(one.state), state_width);
    out += fmt::format("{}{:<{}}  {}\n", styled(state, style_of(one.state), how.color), one.name, width,
                       broken(printable(one.found), indent, how.columns));
    if (!one.advice.empty())
      out += fmt::format("{:{}}→ {}\n", "", indent, broken(printable(one.advice), indent + 2, how.columns));
  }
  return out + summary_of(all) + "\n";
}

finding_state worst_of(const findings& all) {
  auto out = finding_state::ok;
  for (const auto& one : all) out = std::max(out, one.state);
  return out;
}

std::string caption_of(const machine_plan& plan) {
  const auto& machine = plan.topology;
  const auto quota = machine.cpu_quota ? fmt::format("a quota of {:.2f} processors", *machine.cpu_quota)
                                       : std::string("no quota");
  return fmt::format("{}; threads are {}bound to their node's processors", quota,
                     plan.affinity.pinned ? "" : "not ");
}

json_object report_object(const findings& all, const machine_plan& plan, const drawn_machine& machine,
                          pin_mode pinning) {
  auto checks = json_object::array();
  for (const auto& one : all)
    checks.push_back(
        {{"name", one.name}, {"state", name_of(one.state)}, {"found", one.found}, {"advice", one.advice}});
  return {{"event", "doctor"},
          {"state", name_of(worst_of(all))},
          {"checks", checks},
          {"topology", object_of(plan.topology, machine, plan.warning)},
          {"affinity", object_of(plan, pinning)}};
}

}  // namespace graphite::doctor
