#include <gtest/gtest.h>

#include "tests/coordinator/cluster/dispatch_bench.hpp"

namespace graphite {
namespace {

using test::dispatch_bench;
using test::numbered;
using test::recipe_of;

bool tells(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(dispatcher_fit, what_no_node_has_is_told) {
  dispatch_bench b;
  b.with_job();
  auto with_tool = recipe_of("tool");
  with_tool.tools = {{"cc", numbered(12)}};
  const auto tool = *b.d.add_recipe(with_tool), large = *b.d.add_recipe(recipe_of("large", {64'000, 0, {}}));
  const auto windows = *b.d.add_recipe(recipe_of("port"), {}, {{"os", "windows"}});
  auto both = with_tool;
  both.rule = "both";
  const auto all = *b.d.add_recipe(both, {}, {{"os", "windows"}});
  EXPECT_FALSE(b.d.misfit(tool)) << "while no node is here none is told to be wrong";
  b.join("a");
  EXPECT_FALSE(b.d.misfit(b.recipe));
  EXPECT_TRUE(tells(b.d.misfit(tool).value(), "no node has the tool 'cc'"));
  EXPECT_EQ(b.d.misfit(large), "no node has 64 CPU");
  EXPECT_TRUE(tells(b.d.misfit(windows).value(), "os=windows"));
  auto other = b.joining();
  other.tools = {{"cc", numbered(11)}};
  b.join("b", other);
  EXPECT_TRUE(tells(b.d.misfit(tool).value(), "another build of the tool 'cc'"));
  auto right = b.joining(64);
  right.tools = {{"cc", numbered(12)}};
  const auto link = b.join("c", right);
  EXPECT_FALSE(b.d.misfit(tool));
  EXPECT_FALSE(b.d.misfit(large));
  auto elsewhere = b.joining();
  elsewhere.properties = {{"os", "windows"}};
  b.join("d", elsewhere);
  EXPECT_FALSE(b.d.misfit(windows));
  EXPECT_TRUE(tells(b.d.misfit(all).value(), "no node has all that it asks for"));
  b.d.disconnected(link, b.now);
  EXPECT_TRUE(b.d.misfit(tool)) << "who has gone does not count";
}

}  // namespace
}  // namespace graphite
