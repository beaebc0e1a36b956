#include "tests/actors/cluster/cluster_fixture.hpp"

namespace graphite::test {
namespace {

TEST_F(cluster, two_nodes_do_what_is_wanted_and_all_of_it_is_committed) {
  coordinator_process coordinator(authority_, keys_, disk_, 1);
  node_process one(authority_, keys_, coordinator.port(), "node-1", 11),
      two(authority_, keys_, coordinator.port(), "node-2", 12);
  ASSERT_TRUE(wait_until([&] { return coordinator.joined() == 2; }));
  coordinator.submit(0, 3000, disk_.hash);
  ASSERT_TRUE(wait_until([&] { return coordinator.ended().size() == 3000; }));
  EXPECT_TRUE(each_once(coordinator.ended()));
  EXPECT_EQ(coordinator.failed(), 0);
  EXPECT_EQ(committed(), 3000U);
  EXPECT_EQ(coordinator.by_node().size(), 2U);
  EXPECT_LT(disk_.rows.options().synced_writes, 3000U);  // together, not one by one
}

TEST_F(cluster, what_waits_for_a_node_is_given_to_the_first_that_comes) {
  coordinator_process coordinator(authority_, keys_, disk_, 1);
  coordinator.submit(0, 20, disk_.hash);
  ASSERT_TRUE(wait_until([&] { return coordinator.waiting() == 20; }));
  node_process one(authority_, keys_, coordinator.port(), "node-1", 11);
  ASSERT_TRUE(wait_until([&] { return coordinator.ended().size() == 20; }));
}

TEST_F(cluster, what_a_dead_node_ran_is_done_by_another) {
  coordinator_process coordinator(authority_, keys_, disk_, 1);
  auto one = std::make_unique<node_process>(authority_, keys_, coordinator.port(), "node-1", 11, true);
  ASSERT_TRUE(wait_until([&] { return coordinator.joined() == 1; }));
  coordinator.submit(0, 4, disk_.hash);
  ASSERT_TRUE(wait_until([&] { return one->held() == 4; }));
  one.reset();
  node_process two(authority_, keys_, coordinator.port(), "node-2", 12);
  ASSERT_TRUE(wait_until([&] { return coordinator.ended().size() == 4; }));
  EXPECT_EQ(coordinator.by_node(), (std::map<std::string, int>{{"node-2", 4}}));
}

TEST_F(cluster, nothing_is_told_before_the_disk_has_it) {
  coordinator_process coordinator(authority_, keys_, disk_, 1);
  node_process one(authority_, keys_, coordinator.port(), "node-1", 11);
  ASSERT_TRUE(wait_until([&] { return coordinator.joined() == 1; }));
  disk_.rows.options().fail_writes = errc::out_of_space;
  coordinator.submit(0, 10, disk_.hash);
  ASSERT_TRUE(wait_until([&] { return one.started().size() == 10; }));
  ASSERT_TRUE(wait_until([&] { return coordinator.uncommitted() == 10; }));
  EXPECT_TRUE(coordinator.ended().empty());
  EXPECT_EQ(coordinator.log.count("results of nodes wait until the disk takes them"), 1U);
  disk_.rows.options().fail_writes.reset();
  ASSERT_TRUE(wait_until([&] { return coordinator.ended().size() == 10; }));
  EXPECT_EQ(committed(), 10U);
  for (const auto& [key, times] : one.started()) EXPECT_EQ(times, 1);
}

TEST_F(cluster, a_coordinator_that_comes_back_goes_on_with_what_runs) {
  auto coordinator = std::make_unique<coordinator_process>(authority_, keys_, disk_, 1);
  const auto port = coordinator->port();
  node_process one(authority_, keys_, port, "node-1", 11, true);
  ASSERT_TRUE(wait_until([&] { return coordinator->joined() == 1; }));
  coordinator->submit(0, 4, disk_.hash);
  ASSERT_TRUE(wait_until([&] { return one.held() == 4; }));
  coordinator.reset();
  coordinator_process again(authority_, keys_, disk_, 2, port);
  again.submit(0, 4, disk_.hash);
  ASSERT_TRUE(wait_until([&] { return again.joined() == 1; }));
  EXPECT_EQ(again.adopted(), 4U);
  one.release();
  ASSERT_TRUE(wait_until([&] { return again.ended().size() == 4; }));
  EXPECT_EQ(committed(), 4U);
  for (const auto& [key, times] : one.started()) EXPECT_EQ(times, 1);
}

TEST_F(cluster, a_node_that_leaves_finishes_what_runs_and_hands_back_the_rest) {
  coordinator_process coordinator(authority_, keys_, disk_, 1);
  node_process one(authority_, keys_, coordinator.port(), "node-1", 11, true);
  ASSERT_TRUE(wait_until([&] { return coordinator.joined() == 1; }));
  coordinator.submit(0, 12, disk_.hash);
  ASSERT_TRUE(wait_until([&] { return one.held() == 4; }));
  one.leave();
  one.release();
  ASSERT_TRUE(wait_until([&] { return one.over(); }));
  node_process two(authority_, keys_, coordinator.port(), "node-2", 12);
  ASSERT_TRUE(wait_until([&] { return coordinator.ended().size() == 12; }));
  EXPECT_EQ(coordinator.by_node(), (std::map<std::string, int>{{"node-1", 4}, {"node-2", 8}}));
}

}  // namespace
}  // namespace graphite::test
