#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "cli/config/project_file.hpp"
#include "transforms/scanners.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;

constexpr auto example = GRAPHITE_SOURCE_FOLDER "/examples/supertux/graphite.toml";

TEST(supertux_example, loads_without_mistakes) {
  const auto loaded = load_project({example, {}});
  ASSERT_TRUE(loaded) << loaded.error().context;
  EXPECT_EQ(loaded->rule_for("locale/de.po")->transform, "command");
  EXPECT_EQ(loaded->rule_for("images/creatures/tux/tux.sprite")->name, "sprites");
  EXPECT_EQ(loaded->rule_for("levels/world1/a.stl")->name, "levels");
  EXPECT_EQ(loaded->rule_for("images/a.png")->transform, "texture");
  EXPECT_EQ(loaded->rule_for("sounds/a.wav")->transform, "audio");
  EXPECT_EQ(loaded->rule_for("fonts/a.ttf"), nullptr);
  EXPECT_EQ(loaded->rule_for("shader/shader330.frag"), nullptr);
}

struct counts {
  std::size_t files = 0, bytes = 0, references = 0, missing = 0;
};

/// Scans the sources of every rule and looks the references up in the folder.
class reference_census {
 public:
  reference_census(const project& value, fs::path root) : value_(value), root_(std::move(root)) {
    for (const auto& rule : value.rules) scanners_.emplace(rule.name, *scanner::make(rule.references));
  }

  void run() {
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      if (!entry.is_regular_file()) continue;
      const auto path = logical_path::parse(entry.path().lexically_relative(root_).string());
      if (const auto* rule = path ? value_.rule_for(path->str()) : nullptr) count(*rule, *path);
    }
  }

  std::map<std::string, counts> by_rule;
  std::vector<std::string> missing;

 private:
  void count(const rule_spec& rule, const logical_path& path) {
    std::ifstream in(root_ / path.str(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    auto& sum = by_rule[rule.name];
    ++sum.files;
    sum.bytes += bytes.size();
    for (const auto& reference : scanners_.at(rule.name).scan(path, std::as_bytes(std::span(bytes)))) {
      ++sum.references;
      bool found = false;
      for (const auto& candidate : reference.candidates) found = found || fs::exists(root_ / candidate.str());
      if (found) continue;
      ++sum.missing;
      missing.push_back(path.str() + " -> " + reference.candidates.front().str());
    }
  }

  const project& value_;
  fs::path root_;
  std::map<std::string, scanner> scanners_;
};

TEST(supertux_example, its_references_are_found_in_the_real_data) {
  const auto* folder = std::getenv("GRAPHITE_SUPERTUX_DATA");
  if (folder == nullptr)
    GTEST_SKIP()
        << "SKIPPED: set GRAPHITE_SUPERTUX_DATA to usr/share/games/supertux2 of the unpacked package "
           "supertux-data to check the example against the real files";
  ASSERT_TRUE(fs::is_directory(folder)) << "GRAPHITE_SUPERTUX_DATA is no folder: " << folder;
  const auto loaded = load_project({example, {}});
  ASSERT_TRUE(loaded) << loaded.error().context;
  reference_census census(*loaded, folder);
  census.run();
  counts all;
  for (const auto& [rule, sum] : census.by_rule) {
    std::cout << fmt::format("{:22} {:4} files {:9} bytes {:6} references {:3} missing\n", rule, sum.files,
                             sum.bytes, sum.references, sum.missing);
    all.references += sum.references;
    all.missing += sum.missing;
  }
  for (const auto& line : census.missing) std::cout << "  missing: " << line << "\n";
  // The folder `added` of the example is not there.
  EXPECT_EQ(census.by_rule.size() + 6, loaded->rules.size()) << "a rule takes no file";
  EXPECT_GT(all.references, 4'000u);
  EXPECT_LT(all.missing * 200, all.references) << "more than 0.5 % of the references lead nowhere";
}

}  // namespace
}  // namespace graphite
