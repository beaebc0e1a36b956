#include "cli/cluster_needs.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/support/memory_key_value_store.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/set_clock.hpp"

namespace graphite {
namespace {

digest content(std::uint8_t number) {
  digest out;
  out.bytes.fill(number);
  return out;
}

class needs_of_a_cluster : public ::testing::Test {
 protected:
  cluster_needs make() {
    const auto keeps = [this](const content_marker& mark) -> result<void> {
      ++looks_;
      if (away_) return fail(errc::unavailable, "the stores are away");
      mark(needed_);
      return {};
    };
    return cluster_needs({rows_, {}, clock_, log_, {keeps}}, {});
  }
  control::need_answer ask(cluster_needs& needs, std::vector<digest> contents) {
    std::promise<control::need_answer> said;
    needs.ask("store", {7, std::move(contents)},
              [&](control::need_answer answer) { said.set_value(std::move(answer)); });
    return said.get_future().get();
  }

  memory_key_value_store rows_;
  test::recording_log log_;
  test::set_clock clock_;
  std::vector<digest> needed_{content(1)};
  std::atomic<bool> away_{false};
  std::atomic<int> looks_{0};
  const cluster_needs::options usual_;
};

TEST_F(needs_of_a_cluster, are_not_known_before_nodes_and_jobs_could_come_back) {
  auto needs = make();
  EXPECT_TRUE(ask(needs, {content(1)}).needed.empty());
  clock_.pass(usual_.settle);
  const auto answer = ask(needs, {content(1), content(2)});
  EXPECT_EQ(answer.number, 7U);
  EXPECT_EQ(answer.needed, (std::vector<bool>{true, false}));
  EXPECT_EQ(answer.age.count(), 0);
}

TEST_F(needs_of_a_cluster, are_as_old_as_is_said) {
  auto needs = make();
  clock_.pass(usual_.settle);
  EXPECT_EQ(ask(needs, {content(2)}).needed, (std::vector<bool>{false}));
  needed_.push_back(content(2));
  const duration soon = usual_.look_again_after / 2;
  clock_.pass(soon);
  const auto old = ask(needs, {content(2)});
  EXPECT_EQ(old.needed, (std::vector<bool>{false}));
  EXPECT_EQ(duration(old.age), soon) << "what was used since is not to go";
  clock_.pass(usual_.look_again_after);
  EXPECT_EQ(ask(needs, {content(2)}).needed, (std::vector<bool>{true}));
  EXPECT_EQ(looks_, 2);
}

TEST_F(needs_of_a_cluster, are_not_said_by_halves) {
  auto needs = make();
  clock_.pass(usual_.settle);
  away_ = true;
  EXPECT_TRUE(ask(needs, {content(2)}).needed.empty()) << "not even that nobody needs it";
  EXPECT_TRUE(log_.contains("the stores are away"));
  away_ = false;
  EXPECT_EQ(ask(needs, {content(1)}).needed, (std::vector<bool>{true}));
}

TEST_F(needs_of_a_cluster, are_said_once_to_who_asks_anew) {
  std::promise<void> looking, go_on;
  const auto keeps = [&](const content_marker&) -> result<void> {
    looking.set_value();
    go_on.get_future().wait();
    return {};
  };
  cluster_needs needs({rows_, {}, clock_, log_, {keeps}}, {});
  clock_.pass(usual_.settle);
  std::atomic<int> first{0}, replaced{0};
  needs.ask("other", {1, {}}, [&](const auto&) { ++first; });
  looking.get_future().wait();
  needs.ask("store", {2, {content(1)}}, [&](const auto&) { ++replaced; });
  std::promise<std::uint64_t> last;
  needs.ask("store", {3, {content(1)}}, [&](const auto& answer) { last.set_value(answer.number); });
  go_on.set_value();
  EXPECT_EQ(last.get_future().get(), 3U);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(replaced, 0);
}

}  // namespace
}  // namespace graphite
