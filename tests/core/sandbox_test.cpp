#include "core/sandbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace graphite {
namespace {

using testing::HasSubstr;
using tier = sandbox_tier;

std::vector<sandbox_offer> offers(std::vector<tier> refused, std::vector<tier> working) {
  std::vector<sandbox_offer> out;
  for (const auto one : refused) out.push_back({one, "no " + std::string(to_string(one)) + " here"});
  for (const auto one : working) out.push_back({one, ""});
  return out;
}

TEST(sandbox_choice, takes_the_strongest_that_works) {
  const auto out = choose_sandbox(sandbox_mode::best, offers({}, {tier::namespaces, tier::limits}));
  EXPECT_EQ(out->tier, tier::namespaces);
  EXPECT_EQ(out->reason, "");
}

TEST(sandbox_choice, says_why_it_is_no_stronger_one) {
  const auto out = choose_sandbox(
      sandbox_mode::best, offers({tier::namespaces, tier::bubblewrap}, {tier::landlock, tier::limits}));
  EXPECT_EQ(out->tier, tier::landlock);
  EXPECT_EQ(out->reason, "namespaces: no namespaces here; bubblewrap: no bubblewrap here");
}

TEST(sandbox_choice, best_goes_on_with_none) {
  EXPECT_EQ(choose_sandbox(sandbox_mode::best, offers({tier::namespaces, tier::limits}, {}))->tier,
            tier::none);
}

TEST(sandbox_choice, off_takes_none) {
  const auto out = choose_sandbox(sandbox_mode::off, offers({}, {tier::namespaces}));
  EXPECT_EQ(out->tier, tier::none);
  EXPECT_EQ(out->reason, "");
}

TEST(sandbox_choice, required_takes_either_with_namespaces) {
  EXPECT_EQ(choose_sandbox(sandbox_mode::required, offers({}, {tier::namespaces}))->tier, tier::namespaces);
  EXPECT_EQ(choose_sandbox(sandbox_mode::required, offers({tier::namespaces}, {tier::bubblewrap}))->tier,
            tier::bubblewrap);
}

TEST(sandbox_choice, required_refuses_less_and_says_what_to_do) {
  const auto out =
      choose_sandbox(sandbox_mode::required, offers({tier::namespaces, tier::bubblewrap}, {tier::landlock}));
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, errc::unsupported);
  for (const auto* part :
       {"'landlock'", "no namespaces here", "no bubblewrap here", "install bubblewrap", "doctor"})
    EXPECT_THAT(out.error().context, HasSubstr(part));
}

TEST(sandbox_mode, is_one_of_three_words) {
  for (const auto mode : {sandbox_mode::off, sandbox_mode::best, sandbox_mode::required})
    EXPECT_EQ(*parse_sandbox_mode(to_string(mode)), mode);
  EXPECT_EQ(parse_sandbox_mode("Best").error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace graphite
