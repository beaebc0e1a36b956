#include <gtest/gtest.h>

#include <fstream>

#include "cli/config/project_file.hpp"

namespace graphite {
namespace {

std::vector<std::string> toml_blocks(const std::string& file) {
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  std::vector<std::string> out;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (!inside && line == "```toml")
      out.emplace_back();
    else if (inside && line != "```")
      out.back() += line + "\n";
    inside = line == "```toml" || (inside && line != "```");
  }
  return out;
}

TEST(docs, every_example_of_the_project_file_loads) {
  const auto blocks = toml_blocks(GRAPHITE_SOURCE_FOLDER "/docs/project-file.md");
  EXPECT_GE(blocks.size(), 6u);
  for (const auto& block : blocks) {
    const auto parsed = parse_project(block, {"/docs/graphite.toml", {}, "/"});
    EXPECT_TRUE(parsed.value) << render(parsed.mistakes);
  }
}

/// Keys in tables of the page: `| \`key\` |` at a line's begin.
TEST(docs, every_key_of_the_page_is_known_to_the_reader) {
  std::ifstream in(GRAPHITE_SOURCE_FOLDER "/docs/project-file.md");
  std::string section, line;
  std::size_t keys = 0;
  while (std::getline(in, line)) {
    if (line.rfind("##", 0) == 0) section = line.substr(line.find(' ') + 1);
    if (section.empty() || section[0] != '[' || line.rfind("| `", 0) != 0 || line[3] == '{') continue;
    const auto key = line.substr(3, line.find('`', 3) - 3);
    auto table = section;
    if (const auto at = table.find("NAME"); at != std::string::npos) table.replace(at, 4, "x");
    const auto inner = table.rfind("[rule.", 0) == 0 || table.rfind("[[rule.", 0) == 0;
    const auto parsed =
        parse_project((inner ? "[[rule]]\n" : "") + table + "\n" + key + " = 1979-05-27\n", {"/x", {}, "/"});
    for (const auto& mistake : parsed.mistakes)
      EXPECT_EQ(mistake.what.find("unknown key"), std::string::npos) << section << " " << mistake.what;
    ++keys;
  }
  EXPECT_GE(keys, 40u);
}

}  // namespace
}  // namespace graphite
