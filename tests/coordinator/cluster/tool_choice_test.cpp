#include "coordinator/cluster/tool_choice.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

std::shared_ptr<const control::join> node(std::uint32_t cpus, std::vector<control::tool_offer> tools) {
  auto out = std::make_shared<control::join>();
  out->domains = {{cpus * 1'000, GiB, {}, 64, ""}};
  out->tools = std::move(tools);
  return out;
}

digest build(std::uint8_t number) {
  digest out;
  out.bytes.fill(number);
  return out;
}

TEST(tool_choice, is_the_build_that_most_cpus_have) {
  const auto few = node(2, {{"cc", build(1)}, {"ld", build(9)}}), many = node(8, {{"cc", build(2)}});
  EXPECT_EQ(choose_tools({few, many}), (std::map<std::string, digest>{{"cc", build(2)}, {"ld", build(9)}}));
  EXPECT_EQ(choose_tools({many, few}), choose_tools({few, many})) << "whoever came first";
  EXPECT_TRUE(choose_tools({}).empty());
}

TEST(tool_choice, of_equal_ones_is_the_lower_digest) {
  EXPECT_EQ(choose_tools({node(4, {{"cc", build(7)}}), node(4, {{"cc", build(3)}})}).at("cc"), build(3));
}

}  // namespace
}  // namespace graphite
