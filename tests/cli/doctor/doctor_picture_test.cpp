#include <gtest/gtest.h>

#include <regex>

#include "cli/doctor/topology_picture.hpp"
#include "tests/cli/doctor/machines.hpp"

namespace graphite::doctor {
namespace {

using test::fake_machine;

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t out = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++out;
  return out;
}

struct box {
  int left = 0, top = 0, right = 0, bottom = 0;
  bool holds(const box& other) const {
    return left <= other.left && top <= other.top && right >= other.right && bottom >= other.bottom;
  }
};

std::vector<box> boxes_of(const std::string& svg, const std::string& style) {
  std::vector<box> out;
  const std::regex form(
      "<rect x=\"(-?\\d+)\" y=\"(-?\\d+)\" width=\"(\\d+)\" height=\"(\\d+)\" rx=\"4\" class=\"" + style +
      "\"");
  for (std::sregex_iterator at(svg.begin(), svg.end(), form), end; at != end; ++at) {
    const int left = std::stoi((*at)[1]), top = std::stoi((*at)[2]);
    out.push_back({left, top, left + std::stoi((*at)[3]), top + std::stoi((*at)[4])});
  }
  return out;
}

/// All cores but the legend's, which is the last, lie in a node's box.
void expect_cores_in_nodes(const std::string& svg) {
  const auto nodes = boxes_of(svg, "node[a-z ]*");
  auto cores = boxes_of(svg, "core");
  cores.pop_back();
  for (const auto& core : cores)
    EXPECT_TRUE(std::any_of(nodes.begin(), nodes.end(), [&](const box& node) { return node.holds(core); }))
        << core.left << ' ' << core.top;
}

/// Right and lower edges of all boxes lie within the picture.
void expect_all_within(const std::string& svg) {
  std::smatch size;
  ASSERT_TRUE(std::regex_search(svg, size, std::regex("<svg [^>]*width=\"(\\d+)\" height=\"(\\d+)\"")));
  const int width = std::stoi(size[1]), height = std::stoi(size[2]);
  const std::regex rectangle("<rect x=\"(-?\\d+)\" y=\"(-?\\d+)\" width=\"(\\d+)\" height=\"(\\d+)\"");
  for (std::sregex_iterator at(svg.begin(), svg.end(), rectangle), end; at != end; ++at) {
    EXPECT_GE(std::stoi((*at)[1]), 0);
    EXPECT_LE(std::stoi((*at)[1]) + std::stoi((*at)[3]), width) << (*at)[0];
    EXPECT_LE(std::stoi((*at)[2]) + std::stoi((*at)[4]), height) << (*at)[0];
  }
  const std::regex word("<text x=\"(\\d+)\" y=\"(\\d+)\"");
  for (std::sregex_iterator at(svg.begin(), svg.end(), word), end; at != end; ++at) {
    EXPECT_LE(std::stoi((*at)[1]), width) << (*at)[0];
    EXPECT_LE(std::stoi((*at)[2]), height) << (*at)[0];
  }
}

TEST(doctor_picture, every_processor_has_its_cell) {
  const auto svg = topology_picture(test::two_packages(), "no quota");
  EXPECT_EQ(count_of(svg, "class=\"usable\"/>"), 6u + 1u);  // and the legend's
  EXPECT_EQ(count_of(svg, "class=\"forbidden\"/>"), 2u + 1u);
  EXPECT_EQ(count_of(svg, "class=\"core\"/>"), 4u + 1u);
  EXPECT_NE(svg.find(">beside node 1, its memory may not be used<"), std::string::npos);
  EXPECT_NE(svg.find(">Distances between nodes<"), std::string::npos);
  expect_all_within(svg);
  expect_cores_in_nodes(svg);
}

TEST(doctor_picture, it_refers_to_nothing_outside_and_captions_are_text) {
  const auto svg = topology_picture(test::two_packages(), "a < b & <script>");
  EXPECT_EQ(svg.find("href"), std::string::npos);
  EXPECT_EQ(count_of(svg, "http"), 1u);  // the name space
  EXPECT_NE(svg.find("a &lt; b &amp; &lt;script&gt;"), std::string::npos);
}

TEST(doctor_picture, machines_of_all_sizes_fit) {
  for (const auto& cpus : std::vector<std::vector<int>>{
           {1}, {64}, {3, 5}, {8, 8, 8, 8}, {4, 4, 4, 4, 4, 4, 4, 4}, {2, 0, 0}, std::vector<int>(16, 1)}) {
    const auto svg = topology_picture(lay_out(fake_machine(cpus), {}), "no quota");
    expect_all_within(svg);
    expect_cores_in_nodes(svg);
  }
}

}  // namespace
}  // namespace graphite::doctor
