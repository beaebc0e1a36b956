#include "coordinator/cluster/work_batch.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "core/messages/control_sizes.hpp"

namespace graphite {
namespace {

control::recipe recipe_of(std::uint64_t number) {
  control::recipe out;
  out.rule = "rule " + std::to_string(number);
  return out;
}

control::assignment assignment_of(std::uint64_t task, std::size_t body_bytes = 0) {
  control::assignment out{.main_input = logical_path::parse("a").value()};
  out.attempt.task.value = task;
  if (body_bytes > 0) out.bodies.emplace_back(body_bytes);
  return out;
}

std::size_t bytes_of(const control::work& message) {
  std::size_t out = message.stops.size() * control::stop_bytes;
  for (const auto& one : message.recipes) out += control::bytes_of(one);
  for (const auto& one : message.assignments) out += control::bytes_of(one);
  return out;
}

TEST(work_batch, says_a_recipe_before_its_first_assignment) {
  work_batch batch(64 * KiB);
  EXPECT_TRUE(batch.empty());
  for (std::uint64_t task = 1; task <= 3; ++task) batch.add(assignment_of(task), recipe_id{5}, recipe_of(5));
  batch.add({.attempt = {{1}, {9}, {1}}, .if_waiting = true});
  const auto messages = batch.take(7);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].acknowledged, 7u);
  ASSERT_EQ(messages[0].recipes.size(), 1u);
  EXPECT_EQ(messages[0].recipes[0].rule, "rule 5");
  EXPECT_EQ(messages[0].assignments.size(), 3u);
  EXPECT_EQ(messages[0].assignments[2].recipe, messages[0].recipes[0].number);
  EXPECT_EQ(messages[0].stops.size(), 1u);
  EXPECT_TRUE(batch.take(7).empty());
  batch.add(assignment_of(4), recipe_id{5}, recipe_of(5));
  EXPECT_TRUE(batch.take(7).at(0).recipes.empty()) << "it was told";
}

TEST(work_batch, a_large_assignment_goes_alone) {
  work_batch batch(4 * KiB);
  batch.add(assignment_of(1, 100), recipe_id{1}, recipe_of(1));
  batch.add(assignment_of(2, 20'000), recipe_id{1}, recipe_of(1));
  batch.add(assignment_of(3, 100), recipe_id{1}, recipe_of(1));
  const auto messages = batch.take(0);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[1].assignments.size(), 1u);
  EXPECT_EQ(messages[1].assignments[0].attempt.task.value, 2u);
}

TEST(work_batch, keeps_to_the_limits_of_a_message) {
  work_batch batch(1 * MiB);
  for (std::uint64_t task = 0; task < 2'500; ++task)
    batch.add(assignment_of(task), recipe_id{1}, recipe_of(1));
  for (std::uint64_t task = 0; task < 2'500; ++task) batch.add({.attempt = {{1}, {task}, {1}}});
  std::size_t assignments = 0, stops = 0;
  for (const auto& message : batch.take(0)) {
    EXPECT_LE(message.assignments.size(), control_limits::attempts_max);
    EXPECT_LE(message.stops.size(), control_limits::attempts_max);
    assignments += message.assignments.size();
    stops += message.stops.size();
  }
  EXPECT_EQ(assignments, 2'500u);
  EXPECT_EQ(stops, 2'500u);
}

/// As a node reads it: each assignment by the recipe that was meant, whatever was replaced meanwhile.
TEST(work_batch, a_node_runs_each_assignment_by_its_own_recipe) {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    work_batch batch(4 * KiB, 5);
    std::map<std::uint64_t, std::uint64_t> meant;  // task to recipe
    std::map<std::uint32_t, std::string> at_node;  // number to rule
    std::uint64_t read = 0;
    for (std::uint64_t task = 1; task <= 400; ++task) {
      const auto recipe = random() % 12;
      meant[task] = recipe;
      batch.add(assignment_of(task, random() % 900), recipe_id{recipe + 1}, recipe_of(recipe));
      if (random() % 10 != 0 && task != 400) continue;
      for (const auto& message : batch.take(0)) {
        ASSERT_TRUE(message.assignments.size() == 1 || bytes_of(message) <= 4 * KiB);
        for (const auto& one : message.recipes) at_node[one.number] = one.rule;
        for (const auto& one : message.assignments) {
          ASSERT_LT(one.recipe, 5u);
          ASSERT_EQ(at_node[one.recipe], recipe_of(meant[one.attempt.task.value]).rule);
          ASSERT_EQ(one.attempt.task.value, ++read) << "in order";
        }
      }
    }
    EXPECT_EQ(read, 400u);
  }
}

}  // namespace
}  // namespace graphite
