#include "cli/doctor/topology_picture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/doctor/finding.hpp"

namespace graphite::doctor {

namespace {

constexpr int margin = 24, gap = 16;
constexpr int cell_width = 34, cell_height = 24, core_gap = 6;
constexpr int node_width = 8 * cell_width + 7 * core_gap + 2 * gap;
constexpr int node_head = 54, text_row = 20, header = 84, legend_height = 40;
constexpr int table_cell = 46, table_row = 24;
constexpr std::size_t cells_a_row = 8;

struct point {
  int x = 0, y = 0;
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (static_cast<unsigned char>(c) >= ' ')
      out += c;
  }
  return out;
}

std::string text_at(point at, std::string_view style, std::string_view text) {
  return fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\">{}</text>\n", at.x, at.y, style, escaped(text));
}

std::string box_at(point at, int width, int height, std::string_view style) {
  return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"4\" class=\"{}\"/>\n", at.x,
                     at.y, width, height, style);
}

std::string draw_core(const drawn_core& core, point at) {
  const int width = static_cast<int>(core.processors.size()) * cell_width;
  auto out = box_at({at.x - 2, at.y - 2}, width + 4, cell_height + 4, "core");
  for (const auto& one : core.processors) {
    out += box_at({at.x + 1, at.y + 1}, cell_width - 2, cell_height - 2, one.usable ? "usable" : "forbidden");
    out += text_at({at.x + cell_width / 2, at.y + 17}, one.usable ? "number" : "number off",
                   std::to_string(one.number));
    at.x += cell_width;
  }
  return out;
}

/// Cores side by side, eight cells a row; calls `draw(core, place)` and gives the height of all.
template <class Draw>
int place_cores(const drawn_node& node, const Draw& draw) {
  std::size_t cells = 0;
  point at{0, 0};
  for (const auto& core : node.cores) {
    if (cells != 0 && cells + core.processors.size() > cells_a_row) {
      cells = 0;
      at = {0, at.y + cell_height + core_gap + 4};
    }
    draw(core, at);
    cells += core.processors.size();
    at.x += static_cast<int>(core.processors.size()) * cell_width + core_gap;
  }
  return node.cores.empty() ? 0 : at.y + cell_height;
}

std::string memory_text(const drawn_node& drawn) {
  const auto& node = drawn.node;
  const auto size = node.memory_bytes == 0 ? std::string("no memory") : text_of_bytes(node.memory_bytes);
  return node.memory_only ? size + ", memory only" : size;
}

/// A second line, where there is more to say.
std::string more_text(const drawn_node& drawn) {
  const auto& node = drawn.node;
  std::vector<std::string> out;
  if (node.memory_only && node.beside) out.push_back(fmt::format("beside node {}", *node.beside));
  if (!node.memory_allowed) out.push_back("its memory may not be used");
  return listed(out);
}

int height_of(const drawn_node& drawn) {
  const int cores = place_cores(drawn, [](const drawn_core&, point) {});
  return node_head + (more_text(drawn).empty() ? 0 : text_row) + cores + (cores == 0 ? 0 : gap);
}

std::string draw_node(const drawn_node& drawn, point at, int height) {
  const bool off = drawn.node.memory_only ? !drawn.node.memory_allowed : drawn.node.cpus.empty();
  auto out = box_at(at, node_width, height, off ? "node out" : drawn.node.memory_only ? "node far" : "node");
  auto title = fmt::format("node {}", drawn.node.number);
  if (drawn.package) title += fmt::format(" · package {}", *drawn.package);
  out += text_at({at.x + gap, at.y + 22}, "name", title);
  out += text_at({at.x + gap, at.y + 42}, drawn.node.memory_allowed ? "memory" : "memory off",
                 memory_text(drawn));
  const auto more = more_text(drawn);
  if (!more.empty()) out += text_at({at.x + gap, at.y + 62}, "memory off", more);
  const int head = node_head + (more.empty() ? 0 : text_row);
  place_cores(drawn, [&](const drawn_core& core, point place) {
    out += draw_core(core, {at.x + gap + place.x, at.y + head + place.y});
  });
  return out;
}

/// So that the whole is about as wide as it is high, and never a mere column.
int columns_for(std::size_t nodes) {
  if (nodes <= 2) return static_cast<int>(nodes);
  return std::clamp(static_cast<int>(std::ceil(std::sqrt(static_cast<double>(nodes)))), 2, 4);
}

std::string draw_distances(const drawn_machine& machine, point at) {
  auto out = text_at({at.x, at.y}, "name", "Distances between nodes");
  const auto cell = [&](std::size_t column, std::size_t row, std::string_view style, unsigned value) {
    out += text_at({at.x + table_cell / 2 + static_cast<int>(column) * table_cell,
                    at.y + table_row + static_cast<int>(row) * table_row},
                   style, std::to_string(value));
  };
  for (std::size_t i = 0; i < machine.nodes.size(); ++i) {
    cell(i + 1, 0, "number head", machine.nodes[i].node.number);
    cell(0, i + 1, "number head", machine.nodes[i].node.number);
    for (std::size_t j = 0; j < machine.nodes[i].node.distances.size(); ++j)
      cell(j + 1, i + 1, i == j ? "number head" : "number", machine.nodes[i].node.distances[j]);
  }
  return out;
}

std::string draw_legend(point at) {
  std::string out;
  const auto entry = [&](std::string_view style, std::string_view text, int width) {
    out += box_at({at.x, at.y}, 18, 16, style) + text_at({at.x + 26, at.y + 13}, "memory", text);
    at.x += width;
  };
  entry("usable", "may be used", 120);
  entry("forbidden", "may not", 96);
  entry("core", "one core", 96);
  return out;
}

constexpr std::string_view styles =
    "<style>\n"
    "text { font: 13px sans-serif; fill: #1d2733; }\n"
    ".title { font-size: 18px; font-weight: bold; } .name { font-weight: bold; }\n"
    ".number { font-size: 12px; text-anchor: middle; } .head { font-weight: bold; }\n"
    "text.off { fill: #7a828c; } .memory { fill: #44505c; }\n"
    ".paper { fill: #ffffff; } .node { fill: #eef4fb; stroke: #5b7fa6; }\n"
    ".far { fill: #f4effa; stroke: #8466a8; } .out { fill: #f3f3f3; stroke: #a9afb6; stroke-dasharray: 5 3; "
    "}\n"
    ".core { fill: #ffffff; stroke: #8e9aa6; } .usable { fill: #a9dcb0; stroke: #3f8a4b; }\n"
    ".forbidden { fill: #dcdfe2; stroke: #a9afb6; }\n"
    "</style>\n";

}  // namespace

std::string topology_picture(const drawn_machine& machine, std::string_view caption) {
  const int columns = std::max(columns_for(machine.nodes.size()), 1);
  const auto nodes = static_cast<int>(machine.nodes.size());
  std::string body;
  int y = header;
  for (int i = 0; i < nodes; i += columns) {
    const auto first = machine.nodes.begin() + i, last = machine.nodes.begin() + std::min(i + columns, nodes);
    int height = 0;
    for (auto node = first; node != last; ++node) height = std::max(height, height_of(*node));
    for (auto node = first; node != last; ++node)
      body += draw_node(*node, {margin + static_cast<int>(node - first) * (node_width + gap), y}, height);
    y += height + gap;
  }
  int width = std::max(columns * (node_width + gap) - gap, 480);
  if (machine.distances) {
    body += draw_distances(machine, {margin, y + gap});
    width = std::max(width, (nodes + 1) * table_cell);
    y += gap + (nodes + 1) * table_row + gap;
  }
  body += draw_legend({margin, y + 4});
  const int height = y + legend_height;
  const auto title = fmt::format("{}, {}, {} of {} may be used", counted(machine.packages, "package"),
                                 counted(machine.nodes.size(), "NUMA node"), machine.usable,
                                 counted(machine.online, "processor"));
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
             "viewBox=\"0 0 {0} {1}\">\n<title>{2}</title>\n",
             width + 2 * margin, height, escaped(title)) +
         std::string(styles) + box_at({0, 0}, width + 2 * margin, height, "paper") +
         text_at({margin, 36}, "title", title) + text_at({margin, 60}, "memory", caption) + body + "</svg>\n";
}

}  // namespace graphite::doctor
