#include "coordinator/cluster/view_task.hpp"

#include <gtest/gtest.h>

#include "coordinator/action_key.hpp"
#include "coordinator/cluster/result_rows.hpp"
#include "platform/crypto/sha256.hpp"
#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using test::path_of;

class view_task : public testing::Test {
 protected:
  view_task() {
    spec_.command = std::make_shared<const command_spec>();
    spec_.environment = {{"LANG", "C"}};
    spec_.inputs = {{path_of("a.h"), {digest_of("h"), 1}}, {path_of("b.c"), {digest_of("c"), 2}}};
    spec_.weak_key = digest_of("weak");
  }
  digest digest_of(std::string_view text) { return hash_.sha256(as_bytes(text)); }

  openssl_hasher hash_;
  attempt_spec spec_{action_id{3}, attempt_number{4},
                     {},           {},
                     "compile",    path_of("b.c"),
                     {},           {},
                     nullptr,      nullptr,
                     {},           {},
                     {},           {}};
};

TEST_F(view_task, a_recipe_names_the_tools_by_what_they_are) {
  command_spec command;
  command.tools = {"cc"};
  spec_.command = std::make_shared<const command_spec>(command);
  const auto made = recipe_of(spec_, {{"cc", digest_of("cc 12")}, {"ld", digest_of("ld")}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->tools, (std::vector<control::tool_offer>{{"cc", digest_of("cc 12")}}));
  EXPECT_EQ(made->rule, "compile");
  EXPECT_EQ(made->environment, spec_.environment);
  EXPECT_EQ(made->command, spec_.command);
  EXPECT_EQ(recipe_of(spec_, {}).error().code, errc::invalid_argument);
}

TEST_F(view_task, what_a_rule_asks_of_a_cluster_is_in_the_recipe_and_in_no_key) {
  const auto key = task_key(spec_, hash_);
  EXPECT_EQ(recipe_of(spec_, {})->needs, attempt_needs{});
  EXPECT_FALSE(pool_of(spec_));
  rule_demand demand{{2'000, 5, {{"gpu", 1}}}, 0};
  spec_.demand = std::make_shared<const rule_demand>(demand);
  EXPECT_EQ(recipe_of(spec_, {})->needs, demand.needs);
  EXPECT_FALSE(pool_of(spec_)) << "as many as fit";
  demand.at_once = 3;
  spec_.demand = std::make_shared<const rule_demand>(demand);
  ASSERT_TRUE(pool_of(spec_));
  EXPECT_EQ(pool_of(spec_)->at_once, 3u);
  auto other = spec_;
  other.rule = "link";
  EXPECT_NE(pool_of(spec_)->number, pool_of(other)->number);
  EXPECT_EQ(task_key(spec_, hash_), key);
}

TEST_F(view_task, a_key_is_of_all_that_may_be_read_and_of_nothing_of_the_view) {
  const auto key = task_key(spec_, hash_);
  auto other = spec_;
  other.action.value = 9;
  other.attempt.value = 1;
  EXPECT_EQ(task_key(other, hash_), key);
  other.inputs[0].content.id = digest_of("another header");
  EXPECT_NE(task_key(other, hash_), key);
  other = spec_;
  other.inputs.pop_back();
  EXPECT_NE(task_key(other, hash_), key);
  other = spec_;
  other.inputs[0].path = path_of("a.hh");
  EXPECT_NE(task_key(other, hash_), key);
  other = spec_;
  other.weak_key = digest_of("another");
  EXPECT_NE(task_key(other, hash_), key);
}

TEST_F(view_task, an_end_is_told_under_the_views_own_names) {
  finished_attempt ended;
  ended.end.attempt.task.value = 77;
  ended.end.result.action.value = 77;
  ended.end.result.status = attempt_status::succeeded;
  dispatch_commands::done how;
  how.result = std::make_shared<const finished_attempt>(ended);
  auto told = result_of(spec_, how);
  EXPECT_EQ(told.status, attempt_status::succeeded);
  EXPECT_EQ(told.action, spec_.action);
  EXPECT_EQ(told.attempt, spec_.attempt);

  how.result = nullptr;
  how.reason = std::make_shared<const std::string>("node-1, node-2 and node-3 died of it");
  how.how = task_end::poisoned;
  told = result_of(spec_, how);
  EXPECT_EQ(told.status, attempt_status::failed);
  EXPECT_EQ(told.message, "node-1, node-2 and node-3 died of it");
  how.how = task_end::exhausted;
  EXPECT_EQ(result_of(spec_, how).status, attempt_status::refused);
}

TEST_F(view_task, an_end_tells_who_ran_it_when_and_why_again) {
  finished_attempt ended;
  ended.node = "node-1";
  ended.domain = 1;
  ended.end.attempt.number.value = 2;
  ended.end.times.fetch = milliseconds(3);
  ended.reason = schedule_commands::assign::why::again;
  ended.earlier = "the disk is full";
  ended.assigned = time_point{} + seconds(1);
  ended.reported = time_point{} + seconds(2);
  dispatch_commands::done how;
  how.result = std::make_shared<const finished_attempt>(ended);
  const auto story = result_of(spec_, how).story;
  ASSERT_TRUE(story);
  EXPECT_EQ(story->node, "node-1");
  EXPECT_EQ(story->domain, 1U);
  EXPECT_EQ(story->tries, 2U);
  EXPECT_EQ(story->cause, "tried again: the disk is full");
  EXPECT_EQ(story->given, ended.assigned);
  EXPECT_EQ(story->back, ended.reported);
  EXPECT_EQ(story->times.fetch, milliseconds(3));
}

class result_rows_test : public view_task {
 protected:
  /// A batch of one.
  commit_batch batch(const char* key, attempt_status status, bool unasked = false) {
    auto ended = std::make_shared<finished_attempt>();
    if (key != nullptr) ended->key = digest_of(key);
    ended->end.result.status = status;
    ended->end.result.outputs = {{path_of("b.o"), {digest_of("o"), 3}}};
    ended->end.result.discovered = {{path_of("a.h")}};
    ended->end.result.wall = milliseconds(5);
    return {1, {{ended, unasked}}};
  }
};

TEST_F(result_rows_test, a_result_is_found_again_under_its_key) {
  const auto rows = result_rows(batch("k", attempt_status::succeeded), 42, [](const auto&) { return false; });
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].where, table::action_cache);
  EXPECT_EQ(rows[0].key, cache_row_key(digest_of("k")));
  const auto row = decode_cache_row(rows[0].value.value());
  ASSERT_TRUE(row);
  ASSERT_EQ(row->results.size(), 1U);
  EXPECT_EQ(row->results[0].outputs[0].content.id, digest_of("o"));
  EXPECT_EQ(row->results[0].set, (path_set{{path_set_entry::kind::path, "a.h"}}));
  EXPECT_EQ(row->results[0].wall_ns, 5'000'000U);
  EXPECT_EQ(row->results[0].used_unix_ms, 42U);
}

TEST_F(result_rows_test, what_failed_or_has_no_key_leaves_none) {
  const auto never = [](const auto&) { return false; };
  EXPECT_TRUE(result_rows(batch("k", attempt_status::failed), 1, never).empty());
  EXPECT_TRUE(result_rows(batch(nullptr, attempt_status::succeeded), 1, never).empty());
}

TEST_F(result_rows_test, what_nobody_asked_for_replaces_nothing) {
  const auto always = [](const auto&) { return true; };
  EXPECT_TRUE(result_rows(batch("k", attempt_status::succeeded, true), 1, always).empty());
  EXPECT_EQ(result_rows(batch("k", attempt_status::succeeded, false), 1, always).size(), 1U);
}

TEST_F(result_rows_test, a_row_says_again_how_an_attempt_ended) {
  command_spec command;
  command.depfile = "d";
  spec_.command = std::make_shared<const command_spec>(command);
  const auto rows = result_rows(batch("k", attempt_status::succeeded), 42, [](const auto&) { return false; });
  const auto back = result_of_row(spec_, *rows.at(0).value);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->status, attempt_status::succeeded);
  EXPECT_EQ(back->action, spec_.action);
  EXPECT_EQ(back->attempt, spec_.attempt);
  EXPECT_EQ(back->outputs.at(0).content.id, digest_of("o"));
  EXPECT_EQ(back->discovered, (std::vector{path_of("a.h")}));
  EXPECT_EQ(back->wall, milliseconds(5));
}

TEST_F(result_rows_test, what_was_read_is_known_where_the_rule_tells_it_and_nowhere_else) {
  auto ended = std::make_shared<finished_attempt>();
  ended->key = digest_of("k");
  ended->end.result.status = attempt_status::succeeded;
  const auto rows = result_rows({1, {{ended, false}}}, 42, [](const auto&) { return false; });
  EXPECT_FALSE(result_of_row(spec_, *rows.at(0).value)->discovered);
  command_spec command;
  command.depfile = "d";
  spec_.command = std::make_shared<const command_spec>(command);
  EXPECT_EQ(result_of_row(spec_, *rows.at(0).value)->discovered, std::vector<logical_path>{})
      << "it has read its main input alone";
  EXPECT_FALSE(result_of_row(spec_, "no row"));
}

}  // namespace
}  // namespace graphite
