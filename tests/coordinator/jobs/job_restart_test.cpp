#include <gtest/gtest.h>

#include "tests/coordinator/jobs/job_world.hpp"

namespace graphite {
namespace {

using namespace test;

TEST(job_restart, open_jobs_begin_again_and_their_keys_are_known) {
  job_world world;
  const auto waiting = world.accepted(project_request("waiting")),
             building = world.building(action_request("b"));
  world.table().looked(waiting, 1, 1, world.at());
  world.start();
  world.settle();
  EXPECT_EQ(world.looks, (std::vector{waiting, building}));
  EXPECT_EQ(world.table().submit(world.ann, action_request("b"), world.at())->job, building);
  EXPECT_EQ(world.table().open(), 2u);
  EXPECT_EQ(world.table().tenants().open_of("studio"), 2u);
  world.table().looked(building, 0, 0, world.at());
  world.end(building);
  EXPECT_EQ(world.state(building), job_state::done);
}

TEST(job_restart, jobs_that_are_over_stay_so_with_what_they_brought) {
  job_world world;
  const auto id = world.building(project_request("k"));
  world.end(id, job_state::failed, "no");
  world.start();
  world.settle();
  EXPECT_TRUE(world.looks.empty());
  const auto info = world.table().status(world.ann, id).value();
  EXPECT_EQ(info.state, job_state::failed);
  EXPECT_EQ(info.outcome->message, "no");
  EXPECT_EQ(world.table().submit(world.ann, project_request("k"), world.at())->job, id);
  const auto told = world.table().events(world.ann, id, 0).value();
  EXPECT_TRUE(told.over && told.summary && told.items.empty());
}

TEST(job_restart, a_job_whose_commit_was_under_way_is_there_or_not_and_never_twice) {
  for (const bool written : {false, true}) {
    job_world world;
    const auto made = world.table().submit(world.ann, project_request("k"), world.at()).value();
    world.step();
    if (written) world.write_in_flight();
    world.start();
    world.settle();
    const auto again = world.table().submit(world.ann, project_request("k"), world.at()).value();
    EXPECT_EQ(again.known, written);
    world.settle();
    EXPECT_EQ(world.table().list(world.ann, {}).size(), 1u);
    EXPECT_TRUE(!written || again.job == made.job);
  }
}

TEST(job_restart, a_job_that_was_refused_is_not_there_even_where_its_row_was_written) {
  job_world world;
  const auto made = world.table().submit(world.ann, project_request("k"), world.at()).value();
  world.step();
  world.write_in_flight();  // the disk did it, and said that it did not
  world.finish_commit(false);
  EXPECT_TRUE(world.disk.contains(job_row_key(made.job)));
  world.pass(seconds(1));
  world.settle();
  EXPECT_FALSE(world.disk.contains(job_row_key(made.job)));
  world.start();
  EXPECT_EQ(world.table().size(), 0u);
}

TEST(job_restart, numbers_of_jobs_are_not_given_again_when_all_are_forgotten) {
  job_table_options options;
  options.kept_for = seconds(1);
  job_world world(options);
  const auto id = world.building(project_request("k"));
  world.end(id);
  world.pass(seconds(2));
  world.settle();
  world.start();
  EXPECT_EQ(world.table().size(), 0u);
  EXPECT_GT(world.accepted(project_request("k")), id);
}

TEST(job_restart, numbers_of_events_go_on_ascending) {
  job_world world;
  const auto id = world.building(project_request("k"));
  const auto before = world.table().events(world.ann, id, 0).value();
  world.start();
  world.settle();
  const auto after = world.table().events(world.ann, id, before.last).value();
  ASSERT_FALSE(after.items.empty());
  EXPECT_GT(after.items.front().number, before.last);
  EXPECT_TRUE(after.summary);
}

TEST(job_restart, a_deadline_goes_by_the_clock_on_the_wall_over_a_restart_and_is_never_longer) {
  auto request = project_request("k");
  request.deadline = milliseconds(60'000);
  {
    job_world world;
    const auto id = world.accepted(request);
    world.pass(seconds(50));
    world.start();
    world.settle();
    world.pass(seconds(9));
    world.settle();
    EXPECT_EQ(world.state(id), job_state::accepted);
    world.pass(seconds(1));
    world.settle();
    EXPECT_EQ(world.state(id), job_state::deadline_exceeded);
  }
  job_world world;
  const auto id = world.accepted(request);
  world.unix_ns -= 1'000 * ns_per_day;  // the clock was wrong before
  world.start();
  world.settle();
  world.pass(seconds(60));
  world.settle();
  EXPECT_EQ(world.state(id), job_state::deadline_exceeded);
}

TEST(job_restart, a_job_that_was_kept_long_enough_is_forgotten_soon) {
  job_table_options options;
  options.kept_for = seconds(100);
  job_world world(options);
  const auto id = world.building(project_request("k"));
  world.end(id);
  world.pass(seconds(60));
  world.start();
  world.pass(seconds(39));
  world.settle();
  EXPECT_TRUE(world.table().status(world.ann, id));
  world.pass(seconds(1));
  world.settle();
  EXPECT_FALSE(world.table().status(world.ann, id));
}

TEST(job_restart, of_two_rows_with_one_key_the_later_job_has_it) {
  job_table_options options;
  options.kept_for = seconds(100);
  job_world world(options);
  const auto first = world.building(project_request("k"));
  world.end(first);
  const auto row = world.disk.at(job_row_key(first));
  world.pass(seconds(100));
  world.settle();
  const auto second = world.accepted(project_request("k"));
  world.disk[job_row_key(first)] = row;  // its erasure was not on disk yet
  world.start();
  world.settle();
  EXPECT_EQ(world.table().submit(world.ann, project_request("k"), world.at())->job, second);
  world.pass(seconds(1));
  world.settle();
  EXPECT_FALSE(world.table().status(world.ann, first));
  EXPECT_EQ(world.table().submit(world.ann, project_request("k"), world.at())->job, second);
}

TEST(job_restart, a_damaged_row_is_an_error_and_foreign_ones_are_not_looked_at) {
  openssl_hasher hash;
  job_table table({}, epoch_number{1}, hash);
  EXPECT_EQ(table.load({{job_row_key(job_id{1}), "xx"}}, {}).error().code, errc::newer_version);
  job_table other({}, epoch_number{1}, hash);
  EXPECT_TRUE(other.load({{std::string("main\0\0\0\0\0\0\0\0\1", 13), "a head"}}, {}));
}

}  // namespace
}  // namespace graphite
