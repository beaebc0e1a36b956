#include "cli/job_setups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/crypto/sha256.hpp"
#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using test::path_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

constexpr const char* script = R"([project]
name = "p"
[[rule]]
name = "upper"
match = ["*.txt"]
transform = "command"
outputs = ["{stem}.up"]
[rule.command]
shell = true
argv = "tr a-z A-Z < {in} > {out}"
environment = ["HOME", "SECRET"]
)";

class job_setups_test : public testing::Test {
 protected:
  static digest build(std::uint8_t number) {
    digest out;
    out.bytes.fill(number);
    return out;
  }
  static std::shared_ptr<const control::join> node(std::vector<control::tool_offer> tools) {
    auto out = std::make_shared<control::join>();
    out->domains = {{4'000, GiB, {}, 64, ""}};
    out->tools = std::move(tools);
    return out;
  }
  result<view_setup> of(const std::string& text, const std::string& file = "graphite.toml") {
    return setups.setups().of_project(text, file);
  }
  result<view_setup> of(const action_job& what, std::vector<logical_path> inputs) {
    return setups.setups().of_action(what, inputs);
  }
  static action_job command(std::vector<std::string> argv, std::string folder = "") {
    action_job out;
    out.what = command_action{std::move(argv), {{"LANG", "C"}}, std::move(folder)};
    out.outputs = {"out/a.o"};
    out.platform = {{"os", "linux"}};
    out.timeout = milliseconds(5'000);
    return out;
  }

  job_setups setups{std::make_shared<const openssl_hasher>()};
};

TEST_F(job_setups_test, tools_are_what_nodes_offer_under_their_names) {
  setups.set_nodes({node({{"sh", build(3)}, {"cc", build(4)}})});
  const auto made = of(script);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_THAT(made->tools, ElementsAre(Pair("sh", build(3)))) << "those that its rules use";
  EXPECT_EQ(made->engine.tool_digests, made->tools);
  EXPECT_TRUE(made->engine.environment.empty()) << "nothing of the coordinator's own is in a key";
  EXPECT_EQ(made->prefix, "");
  EXPECT_TRUE(made->cached);
}

TEST_F(job_setups_test, before_a_node_is_here_nothing_can_be_said_and_later_what_is_missing) {
  EXPECT_EQ(of(script).error().code, errc::unavailable);
  setups.set_nodes({node({{"cc", build(4)}})});
  EXPECT_EQ(of(script).error().code, errc::busy);
  EXPECT_THAT(of(script).error().context, HasSubstr("no node has the tool 'sh'"));
  EXPECT_TRUE(of("[project]\nname = \"copies\"\n")) << "it needs none";
}

TEST_F(job_setups_test, another_choice_of_tools_is_another_state) {
  const auto before = setups.setups().state();
  setups.set_nodes({node({{"sh", build(3)}})});
  const auto first = setups.setups().state();
  EXPECT_NE(first, before);
  setups.set_nodes({node({{"sh", build(3)}}), node({{"sh", build(3)}})});
  EXPECT_EQ(setups.setups().state(), first) << "more of the same";
  setups.set_nodes({});
  EXPECT_EQ(setups.setups().state(), first) << "while nobody is here nothing changes";
  setups.set_nodes({node({{"sh", build(5)}})});
  EXPECT_NE(setups.setups().state(), first);
}

TEST_F(job_setups_test, mistakes_name_the_file_as_its_owner_knows_it) {
  const auto made = of("[project]\nnmae = \"p\"\n", "sub/graphite.toml");
  EXPECT_EQ(made.error().code, errc::invalid_argument);
  EXPECT_THAT(made.error().context, testing::StartsWith("sub/graphite.toml:2:1: error: "));
  EXPECT_THAT(made.error().context, Not(HasSubstr("/snapshot")));
}

TEST_F(job_setups_test, sources_lie_where_the_project_says_and_never_outside) {
  const std::string below = "[project]\nname = \"p\"\n[sources]\nroot = \"ROOT\"\n";
  const auto in = [&](const std::string& root, const std::string& file) {
    auto text = below;
    return of(text.replace(text.find("ROOT"), 4, root), file);
  };
  EXPECT_EQ(in("src", "graphite.toml")->prefix, "src/");
  EXPECT_EQ(in("src", "game/graphite.toml")->prefix, "game/src/");
  EXPECT_EQ(in("..", "game/graphite.toml")->prefix, "");
  EXPECT_EQ(in("..", "graphite.toml").error().code, errc::unsupported);
  EXPECT_EQ(in("/etc", "graphite.toml").error().code, errc::unsupported);
}

TEST_F(job_setups_test, nothing_is_run_here_to_find_out_what_a_tool_is) {
  const auto made = of(R"([project]
name = "p"
[tools.evil]
version = ["sh", "-c", "touch /tmp/graphite-was-here"]
[[rule]]
name = "r"
match = ["*.txt"]
transform = "command"
outputs = ["{stem}.up"]
[rule.command]
tools = ["evil"]
shell = true
argv = "{tool:evil} {in} {out}"
)");
  EXPECT_EQ(made.error().code, errc::unavailable);
}

TEST_F(job_setups_test, an_action_is_a_project_of_one_rule) {
  const auto made = of(command({"cc", "-c", "{in}", "a{b"}), {path_of("a.c"), path_of("b.h")});
  ASSERT_TRUE(made) << made.error().context;
  ASSERT_EQ(made->engine.config->rules.size(), 1U);
  const auto& rule = made->engine.config->rules[0];
  EXPECT_THAT(rule.command.argv, ElementsAre("cc", "-c", "{{in}", "a{{b"))
      << "no word of it is a placeholder";
  EXPECT_TRUE(rule.match[0].matches("a.c"));
  EXPECT_FALSE(rule.match[0].matches("b.h"));
  EXPECT_THAT(rule.command.inputs, ElementsAre("**"));
  EXPECT_THAT(rule.outputs, ElementsAre("out/a.o"));
  EXPECT_THAT(rule.command.set_environment, ElementsAre(Pair("LANG", "C")));
  EXPECT_EQ(rule.command.timeout, milliseconds(5'000));
  EXPECT_EQ(made->platform, (std::vector<control::property>{{"os", "linux"}}));
  EXPECT_TRUE(made->every_file);
  const auto below = of(command({"cc", "x"}, "src"), {path_of("a.c")});
  EXPECT_THAT(below->engine.config->rules[0].command.argv,
              ElementsAre("/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", "src", "cc", "x"));
}

TEST_F(job_setups_test, an_action_that_cannot_be_is_refused_with_the_reason) {
  EXPECT_THAT(of(command({"cc"}), {}).error().context, HasSubstr("without any input file"));
  auto wild = command({"cc"});
  wild.outputs = {"a*.o"};
  EXPECT_EQ(of(wild, {path_of("a.c")}).error().code, errc::unsupported);
  auto transform = command({});
  transform.what = transform_action{"no such", 1, "a.c", {}};
  EXPECT_THAT(of(transform, {path_of("a.c")}).error().context, HasSubstr("no transform 'no such'"));
  transform.what = transform_action{"texture", 999, "a.png", {}};
  EXPECT_THAT(of(transform, {path_of("a.png")}).error().context, HasSubstr("999 was asked for"));
  transform.what = transform_action{"texture", 1, "b.png", {}};
  EXPECT_THAT(of(transform, {path_of("a.png")}).error().context, HasSubstr("b.png is not in its input root"));
}

}  // namespace
}  // namespace graphite
