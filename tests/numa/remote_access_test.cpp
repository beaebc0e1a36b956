#include "platform/numa/remote_access.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "tests/numa/child.hpp"
#include "tests/numa/denied_calls.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using testing::HasSubstr;

TEST(remote_access, is_the_part_of_the_remote_ones) {
  EXPECT_EQ(remote_ratio({3, 1}), 0.25);
  EXPECT_EQ(remote_ratio({0, 5}), 1);
  EXPECT_EQ(remote_ratio({5, 0}), 0);
  EXPECT_EQ(remote_ratio({0, 0}), std::nullopt);
  EXPECT_EQ(remote_ratio({~0ull, ~0ull}), 0.5);
}

TEST(remote_access, reads_a_nodes_numastat) {
  const auto counts = *parse_numastat(
      "numa_hit 10\nnuma_miss 1\nnuma_foreign 2\ninterleave_hit 3\nlocal_node 700\nother_node 30\n");
  EXPECT_EQ(counts.local, 700u);
  EXPECT_EQ(counts.remote, 30u);
  for (const auto* text : {"", "local_node 7", "local_node x\nother_node 1", "local_node -1\nother_node 1",
                           "local_node\nother_node 1", "local_nodes 1\nother_node 1"})
    EXPECT_EQ(parse_numastat(text).error().code, errc::invalid_argument) << text;
}

/// Two nodes' counts below a made-up /sys.
class counted_pages : public testing::Test {
 protected:
  counted_pages() {
    folder_.write("sys/devices/system/node/online", "0,2\n");
    write(0, 1000, 10);
    write(2, 2000, 20);
  }
  void write(int node, int local, int other) {
    folder_.write("sys/devices/system/node/node" + std::to_string(node) + "/numastat",
                  "local_node " + std::to_string(local) + "\nother_node " + std::to_string(other) + "\n");
  }
  test::temporary_folder folder_{test::temporary_folder::quick_base()};
  remote_access_meter meter_{{.root = folder_.path(), .hardware = false}};
};

TEST_F(counted_pages, are_those_since_the_start_of_all_nodes) {
  EXPECT_EQ(meter_.read().ratio, std::nullopt);
  EXPECT_FALSE(meter_.read().reason.empty());
  meter_.start();
  write(0, 1060, 20);
  write(2, 2000, 50);
  const auto read = meter_.read();
  EXPECT_DOUBLE_EQ(read.ratio.value(), 0.4);
  EXPECT_THAT(read.source, HasSubstr("numastat"));
  EXPECT_THAT(read.source, HasSubstr("whole machine"));
  EXPECT_THAT(read.reason, HasSubstr("counters"));
  meter_.start();
  write(0, 1070, 20);
  EXPECT_EQ(meter_.read().ratio, 0);
}

TEST_F(counted_pages, none_or_fewer_are_unknown) {
  meter_.start();
  EXPECT_EQ(meter_.read().ratio, std::nullopt);
  EXPECT_THAT(meter_.read().reason, HasSubstr("no page was allocated"));
  write(0, 5, 10);
  EXPECT_EQ(meter_.read().ratio, std::nullopt);
  EXPECT_THAT(meter_.read().reason, HasSubstr("came or went"));
}

TEST_F(counted_pages, that_cannot_be_read_are_unknown_and_say_why) {
  write(2, 1, 1);
  folder_.write("sys/devices/system/node/node2/numastat", "nonsense");
  meter_.start();
  EXPECT_EQ(meter_.read().ratio, std::nullopt);
  EXPECT_THAT(meter_.read().reason, HasSubstr("numastat"));
  remote_access_meter nowhere({.root = folder_.path() + "/nowhere", .hardware = false});
  nowhere.start();
  EXPECT_EQ(nowhere.read().ratio, std::nullopt);
  EXPECT_TRUE(nowhere.read().source.empty());
  EXPECT_FALSE(nowhere.read().reason.empty());
}

TEST(remote_access_meter, measures_this_system_or_says_why_not) {
  remote_access_meter meter;
  meter.start();
  std::vector<char> touched(1 << 22, 1);
  const auto read = meter.read();
  if (read.ratio) {
    EXPECT_GE(*read.ratio, 0);
    EXPECT_LE(*read.ratio, 1);
    EXPECT_FALSE(read.source.empty()) << "a ratio of nothing that was counted";
  } else {
    EXPECT_FALSE(read.reason.empty()) << "unknown, and no word why";
  }
  EXPECT_EQ(touched.back(), 1);
}

TEST(remote_access_meter, counts_pages_where_a_filter_refuses_the_processors_counters) {
  const auto seen = test::in_child([]() -> std::string {
    if (!test::deny_calls({SYS_perf_event_open}, EPERM)) return "no filter";
    remote_access_meter meter;
    meter.start();
    return meter.read().reason;
  });
  if (seen == "no filter") GTEST_SKIP() << "no filter can be installed here";
  EXPECT_THAT(seen, HasSubstr("may not be opened"));
}

TEST(remote_access_meter, more_threads_than_the_bound_are_not_counted_by_hardware) {
  remote_access_meter meter({.counters = {.threads_max = 0}});
  meter.start();
  EXPECT_THAT(meter.read().reason, HasSubstr("too many"));
}

}  // namespace
}  // namespace graphite
