#include "cli/config/project_file.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

project parse(std::string_view text, std::string state = {}) {
  auto parsed = parse_project(text, {"/work/game/graphite.toml", std::move(state), "/home/me"});
  EXPECT_TRUE(parsed.value) << render(parsed.mistakes);
  return parsed.value ? *parsed.value : project{};
}

TEST(project_file, an_empty_one_is_a_project_with_defaults) {
  const auto value = parse("");
  EXPECT_EQ(value.name, "game");
  EXPECT_EQ(value.root, "/work/game");
  EXPECT_EQ(value.state, "/work/game/.graphite");
  EXPECT_EQ(value.trust_domain, "local");
  EXPECT_TRUE(value.include.empty());
  EXPECT_TRUE(value.gitignore);
  ASSERT_EQ(value.channels.size(), 1u);
  EXPECT_EQ(value.channels[0].name, "main");
  EXPECT_EQ(value.watch.debounce.count(), 50);
  EXPECT_EQ(value.sandbox, sandbox_mode::best);
  EXPECT_TRUE(value.sandbox_read.empty());
  EXPECT_EQ(value.rule_for("a.png"), nullptr);
}

TEST(project_file, own_files_are_never_sources) {
  const auto value = parse("[project]\nstate = 'out [1]'");
  for (const auto* path : {".git", ".git/config", "sub/.git/HEAD", ".graphite/sock", "graphite.toml",
                           "sub/graphite.toml", "out [1]/head"})
    EXPECT_TRUE(any_matches(value.ignore, path)) << path;
  for (const auto* path : {"git", "a.toml", ".gitignore", "out 1/head"})
    EXPECT_FALSE(any_matches(value.ignore, path)) << path;
}

constexpr std::string_view every_table = R"toml(
[project]
name = "supertux"
state = "../state"
trust_domain = "farm"
jobs = 4
sandbox = "required"
sandbox_read = ["/opt/sdk/", "/opt/../srv/kit"]
publish_lag_max = "3 s"
[sources]
root = "data"
include = ["**/*.png", "**/*.stl"]
ignore = "tmp/**"
gitignore = false
[watch]
debounce_ms = 20
max_delay = "1.5 s"
coalesce_events = false
recursive = false
storm_files = 64
storm_window_ms = 10
quiet = "30 ms"
rescan = "5 min"
poll = "2 s"
[tools.gzip]
paths = ["gzip", "/usr/bin/env", "scripts/x.sh"]
[tools.gcc]
version = ["gcc", "--version"]
[[rule]]
name = "levels"
match = ["**/*.stl"]
exclude = "old/**"
settle = "100 ms"
publish = false
at_once = 3
outputs = ["{dir}/{stem}.gz", "logs/{in}.txt"]
[rule.command]
argv = ["{tool:gzip}", "-9", "{in}"]
inputs = ["{dir}/*.inc"]
depfile = "{stem}.d"
environment = ["LANG"]
set_environment = { TZ = "UTC" }
tools = ["gzip", "gcc"]
timeout = "2 min"
memory_max = "512 MiB"
[rule.needs]
cpu = 1.5
memory_max = "2 GiB"
resources = { licence = 2, gpu = 1 }
[[rule.references]]
pattern = '"([^"]+\.png)"'
relative_to = "root"
search = ["images/", "."]
required = true
[[rule]]
match = "*.gltf"
references = { scanner = "gltf" }
[[channel]]
name = "levels"
include = "**/*.gz"
[[channel]]
name = "rest"
exclude = ["**/*.gz"]
)toml";

TEST(project_file, reads_every_table) {
  const auto value = parse(every_table);
  EXPECT_EQ(value.root, "/work/game/data");
  EXPECT_EQ(value.state, "/work/state");
  EXPECT_EQ(value.jobs, 4u);
  EXPECT_EQ(value.sandbox, sandbox_mode::required);
  EXPECT_EQ(value.sandbox_read, (std::vector<std::string>{"/opt/sdk", "/srv/kit"}));
  EXPECT_EQ(value.publish_lag_max.count(), 3000);
  EXPECT_EQ(value.ignore.front().text(), "tmp/**");
  EXPECT_FALSE(value.gitignore);
  EXPECT_EQ(value.watch.max_delay.count(), 1500);
  EXPECT_FALSE(value.watch.coalesce_events);
  EXPECT_FALSE(value.watch.recursive);
  EXPECT_EQ(value.watch.rescan.count(), 300'000);
  EXPECT_EQ(value.tools.at("gcc").how, tool_spec::kind::machine);
  EXPECT_EQ(value.tools.at("gzip").paths.size(), 3u);
  ASSERT_EQ(value.rules.size(), 2u);
  const auto& rule = value.rules[0];
  EXPECT_EQ(rule.transform, "command");
  EXPECT_EQ(rule.settle.count(), 100);
  EXPECT_FALSE(rule.publish);
  ASSERT_TRUE(rule.demand);
  EXPECT_EQ(*rule.demand, (rule_demand{{1'500, 2 * GiB, {{"gpu", 1}, {"licence", 2}}}, 3}));
  EXPECT_FALSE(value.rules[1].demand);
  EXPECT_EQ(rule.where.line, 29u);
  EXPECT_EQ(rule.command.timeout.count(), 120'000);
  EXPECT_EQ(rule.command.memory_bytes_max, 512 * MiB);
  EXPECT_EQ(rule.command.set_environment.at("TZ"), "UTC");
  ASSERT_EQ(rule.references.size(), 1u);
  EXPECT_EQ(rule.references[0].search, (std::vector<std::string>{"images", "."}));
  EXPECT_TRUE(rule.references[0].required);
  EXPECT_EQ(value.rules[1].transform, "copy");
  EXPECT_EQ(value.rules[1].name, "rule 2");
  EXPECT_EQ(value.rule_for("a/b.stl"), &value.rules[0]);
  EXPECT_EQ(value.rule_for("old/b.stl"), nullptr);
  EXPECT_EQ(value.channels.size(), 2u);
}

TEST(project_file, the_callers_state_folder_wins_and_is_relative_to_where_he_is) {
  EXPECT_EQ(parse("[project]\nstate = 'x'", "s").state, "/home/me/s");
  EXPECT_EQ(parse("", "/abs/").state, "/abs");
}

TEST(project_file, the_program_of_a_command_counts_as_a_tool) {
  const auto value = parse(R"toml(
[[rule]]
match = "*.a"
outputs = "{in}.gz"
command = { argv = ["gzip", "{in}"] }
[[rule]]
match = "*.b"
outputs = "{in}.gz"
command = { argv = "cat {in} | wc -c > {out}", shell = true }
[[rule]]
match = "*.c"
outputs = "{in}.gz"
command = { argv = ["scripts/convert.sh"] }
)toml");
  EXPECT_EQ(value.rules[0].command.tools, (std::vector<std::string>{"gzip"}));
  EXPECT_EQ(value.tools.at("gzip").paths, (std::vector<std::string>{"gzip"}));
  EXPECT_EQ(value.tools.at("sh").paths, (std::vector<std::string>{"/bin/sh"}));
  EXPECT_TRUE(value.rules[2].command.tools.empty());
  EXPECT_EQ(value.rules[0].command.program_tool, "gzip");
  EXPECT_EQ(value.rules[2].command.program_tool, "");
  EXPECT_EQ(value.rules[0].command.timeout.count(), 120'000) << "where the rule names none";
  EXPECT_EQ(value.rules[0].command.memory_bytes_max, 4 * GiB);
}

TEST(project_file, programs_of_one_name_are_different_tools) {
  const auto value = parse(R"toml(
[tools.conv]
paths = ["conv", "table"]
[[rule]]
match = "*.a"
outputs = "{in}.1"
command = { argv = ["conv", "{in}"] }
[[rule]]
match = "*.b"
outputs = "{in}.2"
command = { argv = ["/opt/b/conv", "{in}"] }
)toml");
  EXPECT_EQ(value.rules[0].command.program_tool, "conv");
  const auto& other = value.rules[1].command.program_tool;
  EXPECT_EQ(value.tools.at(other).paths, (std::vector<std::string>{"/opt/b/conv"}));
  EXPECT_EQ(value.rules[1].command.tools, (std::vector<std::string>{other}));
}

}  // namespace
}  // namespace graphite
