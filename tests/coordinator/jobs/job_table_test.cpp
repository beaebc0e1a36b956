#include "coordinator/jobs/job_table.hpp"

#include <gtest/gtest.h>

#include "tests/coordinator/jobs/job_world.hpp"

namespace graphite {
namespace {

using namespace test;
using words = std::vector<std::string>;

TEST(job_table, a_job_goes_from_acceptance_to_its_end) {
  job_world world;
  const auto id = world.accepted(project_request("k"));
  EXPECT_EQ(world.saved, std::vector{id});
  EXPECT_EQ(world.looks, std::vector{id});
  world.table().looked(id, 3, 300, world.at());
  EXPECT_EQ(world.state(id), job_state::waiting_for_blobs);
  EXPECT_EQ(world.table().status(world.ann, id)->missing, 3u);
  EXPECT_TRUE(world.table().uploaded(world.ann, id, world.at()).value());
  world.settle();
  EXPECT_EQ(world.looks.size(), 2u);
  world.table().looked(id, 0, 0, world.at());
  world.settle();
  EXPECT_EQ(world.plans, std::vector{id});
  EXPECT_EQ(world.state(id), job_state::planning);
  world.table().began(id, world.at());
  world.table().progress(id, {10, 4, 0, 0, 2}, world.at());
  world.table().action_failed(id, {"a.png", "bad"}, world.at());
  EXPECT_EQ(world.state(id), job_state::building);
  world.end(id);
  EXPECT_EQ(world.state(id), job_state::done);
  EXPECT_EQ(world.told(id), (words{"accepted", "waiting for blobs", "missing 3", "planning", "building",
                                   "ran 4", "failed a.png", "done"}));
  EXPECT_TRUE(world.table().events(world.ann, id, 0)->over);
  EXPECT_TRUE(world.stops.empty());
  EXPECT_EQ(world.table().open(), 0u);
}

TEST(job_table, nothing_is_acknowledged_begun_or_told_before_it_is_on_disk) {
  job_world world;
  const auto made = world.table().submit(world.ann, project_request("k"), world.at());
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->known || made->saved);
  world.step();
  ASSERT_TRUE(world.in_flight);
  EXPECT_TRUE(world.saved.empty() && world.looks.empty());
  EXPECT_EQ(world.table().status(world.ann, made->job).error().code, errc::not_found);
  EXPECT_TRUE(world.table().list(world.ann, {}).empty());
  // Who asks again meanwhile waits with the first one.
  const auto again = world.table().submit(world.ann, project_request("k"), world.at());
  EXPECT_TRUE(again->known);
  EXPECT_FALSE(again->saved);
  world.finish_commit();
  world.step();
  EXPECT_EQ(world.saved, std::vector{made->job});
  EXPECT_EQ(world.looks, std::vector{made->job});
  EXPECT_TRUE(world.table().submit(world.ann, project_request("k"), world.at())->saved);
}

TEST(job_table, a_full_disk_refuses_the_job_and_the_same_key_may_be_tried_again) {
  job_world world;
  const auto made = world.table().submit(world.ann, project_request("k"), world.at()).value();
  world.step();
  world.finish_commit(false);
  world.settle();
  ASSERT_TRUE(world.refused.contains(made.job));
  EXPECT_EQ(world.refused.at(made.job).code, errc::out_of_space);
  EXPECT_EQ(world.table().open(), 0u);
  EXPECT_TRUE(world.looks.empty());
  const auto id = world.accepted(project_request("k"));
  EXPECT_GT(id, made.job);
  EXPECT_EQ(world.state(id), job_state::accepted);
}

TEST(job_table, one_key_is_one_job_of_its_tenant_and_no_other_request) {
  job_world world;
  const auto id = world.accepted(project_request("k", 1));
  const auto same = world.table().submit(world.ann, project_request("k", 1), world.at());
  EXPECT_EQ(same->job, id);
  EXPECT_TRUE(same->known && same->saved);
  const auto other = world.table().submit(world.ann, project_request("k", 2), world.at());
  EXPECT_EQ(other.error().code, errc::already_exists);
  EXPECT_NE(world.accepted(project_request("k", 2), {"other", "bob"}), id);
  world.table().looked(id, 0, 0, world.at());
  world.end(id);
  EXPECT_EQ(world.table().submit(world.ann, project_request("k", 1), world.at())->job, id);  // over, and kept
}

TEST(job_table, jobs_of_other_tenants_are_not_there_but_for_operators) {
  job_world world;
  const auto id = world.accepted(project_request("k"));
  const job_caller bob{"other", "bob"};
  EXPECT_EQ(world.table().status(bob, id).error().code, errc::not_found);
  EXPECT_EQ(world.table().cancel(bob, id, world.at()).error().code, errc::not_found);
  EXPECT_EQ(world.table().uploaded(bob, id, world.at()).error().code, errc::not_found);
  EXPECT_EQ(world.table().will_upload(bob, id, {}, world.at()).error().code, errc::not_found);
  EXPECT_EQ(world.table().events(bob, id, 0).error().code, errc::not_found);
  EXPECT_EQ(world.table().logs(bob, id, 0).error().code, errc::not_found);
  EXPECT_TRUE(world.table().list(bob, {}).empty());
  EXPECT_EQ(world.table().list(world.anyone, {}).size(), 1u);
  EXPECT_TRUE(world.table().status(world.anyone, id));
}

TEST(job_table, a_cancelled_job_stops_at_once_and_says_so_once_it_is_on_disk) {
  job_world world;
  const auto id = world.building(project_request("k"));
  EXPECT_FALSE(world.table().cancel(world.ann, id, world.at()).value());
  world.step();
  EXPECT_EQ(world.stops, std::vector{id});
  EXPECT_EQ(world.state(id), job_state::building);
  world.table().ended(id, {}, world.at());  // too late
  world.finish_commit();
  world.settle();
  EXPECT_EQ(world.state(id), job_state::cancelled);
  EXPECT_EQ(world.table().status(world.ann, id)->outcome->message, "cancelled by ann");
  EXPECT_TRUE(world.table().cancel(world.ann, id, world.at()).value());
  EXPECT_EQ(world.stops.size(), 1u);
}

TEST(job_table, an_end_that_cannot_be_written_is_written_later_and_not_told_before) {
  job_world world;
  const auto id = world.building(project_request("k"));
  job_outcome done;
  world.table().ended(id, done, world.at());
  world.step();
  world.finish_commit(false);
  world.step();
  EXPECT_FALSE(world.in_flight);
  EXPECT_EQ(world.state(id), job_state::building);
  ASSERT_TRUE(world.wake);
  world.pass(*world.wake - world.now);
  world.settle();
  EXPECT_EQ(world.state(id), job_state::done);
}

TEST(job_table, a_deadline_ends_a_job_wherever_it_is) {
  for (const int how_far : {0, 1, 2, 3}) {
    job_world world;
    auto request = project_request("k");
    request.deadline = milliseconds(5'000);
    const auto id = world.accepted(request);
    if (how_far > 0) world.table().looked(id, how_far == 1 ? 1 : 0, 1, world.at());
    if (how_far > 2) world.table().began(id, world.at());
    world.pass(milliseconds(4'999));
    world.settle();
    EXPECT_FALSE(is_over(world.state(id)));
    world.pass(milliseconds(1));
    world.settle();
    EXPECT_EQ(world.state(id), job_state::deadline_exceeded);
    EXPECT_EQ(world.stops, std::vector{id});
  }
}

TEST(job_table, a_job_whose_contents_never_come_fails_and_one_that_uploads_goes_on) {
  job_table_options options;
  options.blob_wait = seconds(10);
  job_world world(options);
  const auto id = world.accepted(project_request("k"));
  world.table().looked(id, 2, 200, world.at());
  for (int i = 0; i < 5; ++i) {
    world.pass(seconds(9));
    world.settle();
    ASSERT_EQ(world.state(id), job_state::waiting_for_blobs);
    ASSERT_TRUE(world.table().will_upload(world.ann, id, {some_root(1)}, world.at()));
  }
  world.pass(seconds(10));
  world.settle();
  EXPECT_EQ(world.state(id), job_state::failed);
  EXPECT_EQ(world.table().status(world.ann, id)->outcome->message,
            "2 contents of it were not uploaded in time: submit it again");
}

TEST(job_table, what_comes_while_it_is_looked_is_looked_at_again_before_the_answer) {
  job_world world;
  const auto id = world.accepted(project_request("k"));
  EXPECT_TRUE(world.table().uploaded(world.ann, id, world.at()).value());
  world.table().looked(id, 1, 1, world.at());
  world.settle();
  EXPECT_EQ(world.looks.size(), 2u);
  EXPECT_TRUE(world.looked_at.empty());
  world.table().looked(id, 0, 0, world.at());
  world.settle();
  EXPECT_EQ(world.looked_at, std::vector{id});
  EXPECT_FALSE(world.table().uploaded(world.ann, id, world.at()).value());
}

TEST(job_table, who_waits_for_a_look_is_answered_where_the_job_ends_before) {
  job_world world;
  const auto id = world.accepted(project_request("k"));
  EXPECT_TRUE(world.table().uploaded(world.ann, id, world.at()).value());
  EXPECT_FALSE(world.table().cancel(world.ann, id, world.at()).value());
  world.settle();
  EXPECT_EQ(world.looked_at, std::vector{id});
}

TEST(job_table, uploads_count_once_and_are_free_again_when_all_is_there) {
  job_table_options options;
  options.quota.upload_bytes_max = 1'000;
  job_world world(options);
  const auto one = world.accepted(project_request("one")), other = world.accepted(project_request("other"));
  content_ref large = some_root(7);
  large.size = 900;
  EXPECT_EQ(world.table().will_upload(world.ann, one, {large}, world.at()).value(), 1'000u);
  EXPECT_EQ(world.table().will_upload(world.ann, one, {large, large}, world.at()).value(), 1'000u);
  EXPECT_EQ(world.table().will_upload(world.ann, other, {large}, world.at()).error().code, errc::too_large);
  EXPECT_EQ(world.table().will_upload(world.ann, other, {some_root(8)}, world.at()).value(), 100u);
  world.table().looked(one, 0, 0, world.at());
  EXPECT_EQ(world.table().will_upload(world.ann, other, {large}, world.at()).value(), 1'000u);
  EXPECT_FALSE(world.table().cancel(world.ann, other, world.at()).value());
  world.settle();
  EXPECT_EQ(world.table().tenants().upload_bytes_left("studio"), 1'000u);
  EXPECT_EQ(world.table().will_upload(world.ann, other, {large}, world.at()).error().code, errc::cancelled);
}

TEST(job_table, quotas_refuse_and_take_nothing) {
  job_table_options options;
  options.quota.open_max = 2;
  options.open_max = 3;
  job_world world(options);
  const auto first = world.building(project_request("a"));
  world.accepted(project_request("b"));
  EXPECT_EQ(world.table().submit(world.ann, project_request("c"), world.at()).error().code, errc::busy);
  world.accepted(project_request("c"), {"other", "bob"});
  EXPECT_EQ(world.table().submit({"third", "eve"}, project_request("d"), world.at()).error().code,
            errc::busy);
  world.end(first);
  world.accepted(project_request("c"));
  EXPECT_EQ(world.table().open(), 3u);
  job_request bad = project_request("e");
  bad.key = "short";
  EXPECT_EQ(world.table().submit(world.ann, bad, world.at()).error().code, errc::invalid_argument);
}

TEST(job_table, progress_is_told_at_most_so_often_and_the_newest_is_never_kept_back) {
  job_world world;
  const auto id = world.building(project_request("k"));
  for (std::uint64_t i = 1; i <= 5; ++i) world.table().progress(id, {10, i, 0, 0, 0}, world.at());
  EXPECT_EQ(world.told(id).back(), "ran 1");
  world.settle();
  ASSERT_TRUE(world.wake);
  world.pass(*world.wake - world.now);
  world.settle();
  EXPECT_EQ(world.told(id).back(), "ran 5");
  world.pass(seconds(1));
  world.settle();
  EXPECT_EQ(world.told(id).back(), "ran 5");
  EXPECT_EQ(world.told(id).size(), 5u);
  EXPECT_EQ(world.table().status(world.ann, id)->progress.ran, 5u);
}

TEST(job_table, the_last_progress_before_the_end_is_that_of_the_end) {
  job_world world;
  const auto id = world.building(project_request("k"));
  for (std::uint64_t i = 1; i <= 5; ++i) world.table().progress(id, {10, i, 0, 0, 0}, world.at());
  const auto quick = world.building(project_request("quick"));
  job_outcome outcome;
  outcome.progress = {10, 9, 1, 0, 0};
  for (const auto one : {id, quick}) {
    world.table().ended(one, outcome, world.at());
    world.settle();
    auto wanted = words{"accepted", "planning", "building", "ran 1", "ran 9", "done"};
    if (one == quick) wanted.erase(wanted.begin() + 3);
    EXPECT_EQ(world.told(one), wanted);
  }
}

TEST(job_table, a_watcher_that_was_away_too_long_gets_a_summary) {
  job_table_options options;
  options.events.of_job_max = 4;
  options.progress_interval = duration::zero();
  job_world world(options);
  const auto id = world.building(project_request("k"));
  const auto begun = world.table().events(world.ann, id, 0).value();
  EXPECT_TRUE(begun.summary);
  EXPECT_FALSE(world.table().events(world.ann, id, begun.last)->summary);
  for (std::uint64_t i = 1; i <= 20; ++i) world.table().progress(id, {20, i, 0, 0, 0}, world.at());
  const auto late = world.table().events(world.ann, id, begun.last).value();
  EXPECT_EQ(late.items.size(), 4u);
  EXPECT_EQ(late.left_out, 16u);
  ASSERT_TRUE(late.summary);
  EXPECT_EQ(late.summary->progress.ran, 20u);
  EXPECT_FALSE(late.over);
}

TEST(job_table, logs_are_kept_beside_the_events_and_end_with_the_job) {
  job_world world;
  const auto id = world.building(project_request("k"));
  world.table().said(id, "a.png", "one\n", world.at());
  world.table().said(id, "b.png", std::string(40 * KiB, 'x') + "\nlast line", world.at());
  world.table().said(id, "b.png", "", world.at());
  const auto logs = world.table().logs(world.ann, id, 0).value();
  ASSERT_EQ(logs.items.size(), 2u);
  EXPECT_EQ(logs.items[0].text, "one\n");
  EXPECT_LE(logs.items[1].text.size(), job_limits::said_bytes_max);
  EXPECT_TRUE(logs.items[1].text.ends_with("last line"));
  EXPECT_FALSE(logs.over);
  world.end(id);
  EXPECT_FALSE(world.table().logs(world.ann, id, 0)->over &&
               world.table().logs(world.ann, id, 0)->items.empty());
  EXPECT_TRUE(world.table().logs(world.ann, id, logs.last)->over);
}

TEST(job_table, jobs_that_are_over_are_forgotten_by_age_and_by_number) {
  job_table_options options;
  options.kept_for = seconds(100);
  options.quota.kept_max = 3;
  job_world world(options);
  std::vector<job_id> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(world.building(project_request("k" + std::to_string(i))));
    world.end(ids.back());
  }
  EXPECT_EQ(world.forgotten, (std::vector{ids[0], ids[1]}));
  EXPECT_EQ(world.table().size(), 3u);
  EXPECT_EQ(world.table().status(world.ann, ids[0]).error().code, errc::not_found);
  world.pass(seconds(100));
  world.settle();
  EXPECT_EQ(world.table().size(), 0u);
  ASSERT_EQ(world.disk.size(), 1u);  // the counter
  const auto again = world.accepted(project_request("k0"));
  EXPECT_GT(again, ids[4]);
}

TEST(job_table, failures_of_an_end_are_cut_where_they_are_too_many_or_too_long) {
  job_world world;
  const auto id = world.building(project_request("k"));
  job_outcome outcome;
  outcome.state = job_state::failed;
  outcome.failures.resize(300, {"a.png", std::string(20 * KiB, 'x')});
  world.table().ended(id, outcome, world.at());
  world.settle();
  const auto kept = world.table().status(world.ann, id)->outcome->failures;
  EXPECT_EQ(kept.size(), job_limits::failures_max);
  std::size_t bytes = 0;
  for (const auto& one : kept) bytes += one.message.size();
  EXPECT_LE(bytes, 64 * KiB);
  EXPECT_FALSE(kept.front().message.empty());
}

TEST(job_table, lists_begin_with_the_newest_and_go_on_behind_a_number) {
  job_world world;
  std::vector<job_id> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(world.building(project_request("k" + std::to_string(i))));
  world.end(ids[2]);
  const auto numbers = [&](const job_filter& filter) {
    std::vector<job_id> out;
    for (const auto& one : world.table().list(world.ann, filter)) out.push_back(one.id);
    return out;
  };
  EXPECT_EQ(numbers({}), (std::vector{ids[3], ids[2], ids[1], ids[0]}));
  EXPECT_EQ(numbers({true, {}, 2}), (std::vector{ids[3], ids[1]}));
  EXPECT_EQ(numbers({false, ids[1], 100}), (std::vector{ids[0]}));
  EXPECT_FALSE(world.table().list(world.ann, {}).at(1).outcome);
}

TEST(job_table, rows_of_many_jobs_share_a_commit_within_its_bound) {
  job_table_options options;
  options.rows_max = 10;
  job_world world(options);
  for (int i = 0; i < 25; ++i)
    ASSERT_TRUE(world.table().submit(world.ann, project_request("k" + std::to_string(i)), world.at()));
  world.step();
  EXPECT_EQ(world.in_flight->rows.size(), 11u);  // and the counter
  world.settle();
  EXPECT_EQ(world.saved.size(), 25u);
}

}  // namespace
}  // namespace graphite
