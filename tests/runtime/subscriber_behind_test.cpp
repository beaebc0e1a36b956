#include "tests/runtime/subscriber_rig.hpp"

namespace graphite {
namespace {

using test::rig;
using test::subscriber_test;

behind_list one_failed(const std::string& message) {
  return {1, {{*logical_path::parse("broken.png"), behind_asset::why::failed, message}}};
}

TEST_F(subscriber_test, what_is_behind_follows_the_swap) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  ASSERT_EQ(r.swaps.size(), 1u);
  EXPECT_EQ(r.swaps[0].behind.value().count, 0u);
  EXPECT_TRUE(r.told.empty());

  publisher_.set_behind(one_failed("no such colour"));
  r.hear_only(publisher_.publish());  // nothing but `behind` is new
  ASSERT_EQ(r.swaps.size(), 2u);      // it waits for nothing
  EXPECT_TRUE(r.swaps[1].changed.empty());
  EXPECT_FALSE(r.swaps[1].behind);
  r.run();
  ASSERT_EQ(r.told.size(), 1u);
  EXPECT_EQ(r.told[0].value().listed.at(0).message, "no such colour");

  publisher_.edit("a", "two");
  r.hear_only(publisher_.publish());  // the same list: it is known
  ASSERT_EQ(r.swaps.size(), 3u);
  EXPECT_EQ(r.swaps[2].behind.value().count, 1u);
  publisher_.set_behind({});
  r.hear(publisher_.publish());
  EXPECT_EQ(r.swaps.back().behind.value().count, 0u);
  EXPECT_EQ(r.told.size(), 1u);
}

TEST_F(subscriber_test, a_list_of_what_is_behind_may_be_as_long_as_they_come) {
  rig r(hash_);
  r.serve(publisher_);
  behind_list all;
  for (std::size_t i = 0; i < behind_list::listed_max; ++i)
    all.listed.push_back({*logical_path::parse("broken/" + std::to_string(10'000 + i) + ".png"),
                          behind_asset::why::failed, std::string(2000, 'x')});
  all.count = all.listed.size();
  ASSERT_GT(encode_behind(all).size(), 1 * MiB);
  publisher_.set_behind(all);
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  ASSERT_EQ(r.swaps.size(), 1u);
  const auto told = r.swaps[0].behind ? r.swaps[0].behind : r.told.at(0);
  EXPECT_EQ(told.value().listed.size(), behind_list::listed_max);
}

TEST_F(subscriber_test, a_list_of_what_is_behind_that_lies_is_not_told) {
  rig r(hash_);
  r.serve(publisher_);
  r.meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (std::holds_alternative<behind_request>(request)) reply.frames.front().back() ^= std::byte{1};
    return reply;
  };
  publisher_.set_behind(one_failed("x"));
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  r.advance(seconds(3));
  ASSERT_EQ(r.swaps.size(), 1u);
  ASSERT_EQ(r.told.size(), 1u);  // once, and it says that it is not known
  EXPECT_FALSE(r.told[0]);
  EXPECT_TRUE(r.requests.empty());
}

TEST_F(subscriber_test, an_unanswered_question_for_what_is_behind_ends) {
  rig r(hash_);
  r.serve(publisher_);
  int asked = 0;
  r.meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (!std::holds_alternative<behind_request>(request)) return reply;
    ++asked;
    return std::nullopt;
  };
  publisher_.edit("a", "one");
  publisher_.set_behind(one_failed("x"));
  publisher_.publish();
  r.beat();
  EXPECT_EQ(r.swaps.size(), 1u);
  r.advance(seconds(10));
  ASSERT_EQ(r.told.size(), 1u);
  EXPECT_FALSE(r.told[0]);
  EXPECT_LE(asked, 6);
}

}  // namespace
}  // namespace graphite
