#include "platform/numa/cgroup_limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "tests/numa/child.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using test::temporary_folder;
using testing::ElementsAre;
using testing::HasSubstr;

/// /proc and /sys/fs/cgroup of a made-up system.
class groups : public testing::Test {
 protected:
  void in_v2(const std::string& group) {
    folder_.write("proc/self/cgroup", "0::" + group + "\n");
    folder_.write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    folder_.make_folder("sys/fs/cgroup" + group);
  }
  void in_v1(const std::string& group) {
    folder_.write("proc/self/cgroup", "4:cpuset:" + group + "\n3:cpu,cpuacct:" + group + "\n0::/\n");
    folder_.write("proc/self/mountinfo",
                  "31 30 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                  "32 30 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                  "33 30 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  }
  void write(const std::string& name, const std::string& text) {
    folder_.write("sys/fs/cgroup/" + name, text);
  }
  cgroup_facts facts() const { return read_cgroup_facts(folder_.path()); }

  temporary_folder folder_{temporary_folder::quick_base()};
};

TEST_F(groups, a_v2_quota_is_in_processors) {
  in_v2("/build");
  write("build/cpu.max", "50000 100000\n");
  EXPECT_EQ(facts().cpu_quota, 0.5);
  EXPECT_THAT(facts().quota_reason, HasSubstr("/sys/fs/cgroup/build grants 0.50"));
}

TEST_F(groups, the_tightest_quota_of_all_ancestors_holds) {
  in_v2("/a/b/c");
  write("a/cpu.max", "300000 100000\n");
  write("a/b/cpu.max", "150000 100000\n");
  write("a/b/c/cpu.max", "max 100000\n");
  EXPECT_EQ(facts().cpu_quota, 1.5);
  EXPECT_THAT(facts().quota_reason, HasSubstr("/sys/fs/cgroup/a/b grants"));
  write("a/cpu.max", "10000 20000\n");
  EXPECT_EQ(facts().cpu_quota, 0.5);
}

TEST_F(groups, no_quota_is_unlimited_and_says_so) {
  in_v2("/a");
  write("a/cpu.max", "max 100000\n");
  EXPECT_EQ(facts().cpu_quota, std::nullopt);
  EXPECT_EQ(facts().quota_reason, "no group has a quota");
  folder_.write("proc/self/mountinfo", "");
  EXPECT_THAT(facts().quota_reason, HasSubstr("mounted"));
}

TEST_F(groups, a_quota_that_makes_no_sense_is_unlimited_and_says_so) {
  in_v2("/a");
  for (const auto* text : {"", "much", "-5 100000", "50000 0", "50000 x", "0 100000", "max100", "5 5 5",
                           "99999999999999999999 1", "nan 1"}) {
    write("a/cpu.max", text);
    EXPECT_EQ(facts().cpu_quota, std::nullopt) << text;
    EXPECT_THAT(facts().quota_reason, HasSubstr("cannot be understood")) << text;
  }
  write("cpu.max", "200000 100000");
  EXPECT_EQ(facts().cpu_quota, 2);
}

TEST_F(groups, a_v1_quota_is_in_processors_and_the_tightest_holds) {
  in_v1("/a/b");
  write("cpu/a/cpu.cfs_quota_us", "50000\n");
  write("cpu/a/cpu.cfs_period_us", "100000\n");
  write("cpu/a/b/cpu.cfs_quota_us", "-1\n");
  write("cpu/a/b/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(facts().cpu_quota, 0.5);
  write("cpu/a/b/cpu.cfs_quota_us", "20000\n");
  EXPECT_EQ(facts().cpu_quota, 0.2);
  for (const auto* text : {"x", "-2", "0", ""}) {
    write("cpu/a/b/cpu.cfs_quota_us", text);
    EXPECT_EQ(facts().cpu_quota, 0.5) << text;
  }
}

TEST_F(groups, a_container_with_its_group_at_the_mount_sees_its_own_limits) {
  folder_.write("proc/self/cgroup", "3:cpu:/docker/x\n2:cpuset:/docker/x\n");
  folder_.write("proc/self/mountinfo",
                "31 30 0:30 /docker/x /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n"
                "32 30 0:31 /docker/x /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n");
  write("cpu/cpu.cfs_quota_us", "250000");
  write("cpu/cpu.cfs_period_us", "100000");
  write("cpuset/cpuset.cpus", "2-3");
  EXPECT_EQ(facts().cpu_quota, 2.5);
  EXPECT_THAT(*facts().cpus, ElementsAre(2, 3));
}

TEST_F(groups, a_group_whose_folder_is_hidden_has_its_ancestors_limits) {
  in_v2("/gone/deeper");
  std::filesystem::remove_all(folder_ / "sys/fs/cgroup/gone");
  write("cpu.max", "100000 100000");
  write("cpuset.cpus.effective", "0-1");
  EXPECT_EQ(facts().cpu_quota, 1);
  EXPECT_THAT(*facts().cpus, ElementsAre(0, 1));
}

TEST_F(groups, a_hidden_mount_gives_way_to_one_that_can_be_read) {
  in_v2("/a");
  folder_.write("proc/self/mountinfo",
                "30 23 0:26 / /hidden rw - cgroup2 cgroup2 rw\n"
                "31 23 0:26 /a /mnt/own rw - cgroup2 cgroup2 rw\n");
  folder_.write("mnt/own/cpu.max", "70000 100000");
  EXPECT_EQ(facts().cpu_quota, 0.7);
}

TEST_F(groups, a_v2_cpuset_comes_from_the_nearest_group_that_has_one) {
  in_v2("/a/b");
  write("cpuset.cpus.effective", "0-15");
  write("a/cpuset.cpus.effective", "4-7,9\n");
  write("a/cpuset.mems.effective", "1\n");
  EXPECT_THAT(*facts().cpus, ElementsAre(4, 5, 6, 7, 9));
  EXPECT_THAT(*facts().memory_nodes, ElementsAre(1));
  EXPECT_FALSE(facts().exclusive);
}

TEST_F(groups, a_v2_partition_is_exclusive) {
  in_v2("/a/b");
  write("a/cpuset.cpus.effective", "4-7");
  for (const std::string kind : {"root", "isolated"}) {
    write("a/cpuset.cpus.partition", kind + "\n");
    EXPECT_EQ(facts().unbalanced, kind == "isolated");
    EXPECT_TRUE(facts().exclusive);
    EXPECT_THAT(facts().exclusive_reason, HasSubstr("(" + kind + ")"));
  }
  for (const auto* kind : {"member", "root invalid (Parent is not a partition root)", ""}) {
    write("a/cpuset.cpus.partition", kind);
    EXPECT_FALSE(facts().exclusive) << kind;
    EXPECT_THAT(facts().exclusive_reason, HasSubstr("not exclusive"));
  }
}

TEST_F(groups, an_ancestors_partition_counts_only_with_the_same_processors) {
  in_v2("/a/b");
  write("a/cpuset.cpus.effective", "4-7");
  write("a/cpuset.cpus.partition", "root");
  write("a/b/cpuset.cpus.effective", "4-7");
  write("a/b/cpuset.cpus.partition", "member");
  EXPECT_TRUE(facts().exclusive);
  write("a/b/cpuset.cpus.effective", "4-5");
  EXPECT_FALSE(facts().exclusive);
}

TEST_F(groups, v1_exclusive_processors_count_but_not_those_of_the_topmost_set) {
  in_v1("/a");
  write("cpuset/cpuset.cpus", "0-7");
  write("cpuset/cpuset.cpu_exclusive", "1");
  write("cpuset/cpuset.memory_pressure_enabled", "0");
  write("cpuset/a/cpuset.cpus", "0-7");
  write("cpuset/a/cpuset.mems", "0,2");
  write("cpuset/a/cpuset.cpu_exclusive", "0");
  EXPECT_FALSE(facts().exclusive);
  EXPECT_THAT(*facts().memory_nodes, ElementsAre(0, 2));
  write("cpuset/a/cpuset.cpu_exclusive", "1");
  EXPECT_TRUE(facts().exclusive);
  EXPECT_THAT(facts().exclusive_reason, HasSubstr("cpu_exclusive"));
}

TEST_F(groups, v1_goes_by_the_effective_set_where_there_is_one) {
  in_v1("/a");
  write("cpuset/a/cpuset.cpus", "0-7");
  write("cpuset/a/cpuset.effective_cpus", "0-3");
  EXPECT_THAT(*facts().cpus, ElementsAre(0, 1, 2, 3));
}

TEST_F(groups, a_system_that_shows_no_groups_limits_nothing) {
  const auto none = read_cgroup_facts(folder_.path() + "/nowhere");
  EXPECT_EQ(none.cpu_quota, std::nullopt);
  EXPECT_EQ(none.cpus, std::nullopt);
  EXPECT_FALSE(none.exclusive);
  EXPECT_THAT(none.quota_reason, HasSubstr("cannot be read"));
  EXPECT_FALSE(none.exclusive_reason.empty());
}

TEST_F(groups, survive_any_bytes) {
  in_v2("/a");
  std::mt19937 random(7);
  const std::string some = "0123456789-,: /.\\\nmaxroot\x01\xff";
  const auto junk = [&] {
    std::string out(random() % 60, ' ');
    for (auto& c : out) c = some[random() % some.size()];
    return out;
  };
  for (int i = 0; i < 200; ++i) {
    if (i % 2 == 1) {
      folder_.write("proc/self/cgroup", junk() + "\n0::/a\n" + junk());
      folder_.write("proc/self/mountinfo",
                    junk() + "\n30 23 0:26 / /sys/fs/cgroup rw - cgroup2 c rw\n" + junk());
    }
    for (const auto* name :
         {"cpu.max", "cpuset.cpus.effective", "cpuset.mems.effective", "cpuset.cpus.partition"})
      write("a/" + std::string(name), junk());
    const auto read = facts();
    EXPECT_FALSE(read.quota_reason.empty());
    if (read.cpu_quota) {
      EXPECT_GT(*read.cpu_quota, 0);
    }
  }
}

TEST(cgroup_limits, reads_this_system) {
  const auto facts = read_cgroup_facts();
  EXPECT_FALSE(facts.quota_reason.empty());
  EXPECT_FALSE(facts.exclusive_reason.empty());
}

/// A group of this system for a child, removed when it has ended.
class real_group {
 public:
  explicit real_group(std::string folder) : folder_(std::move(folder)) {
    std::error_code failure;
    made_ = std::filesystem::create_directory(folder_, failure);
  }
  ~real_group() {
    if (made_) ::rmdir(folder_.c_str());
  }
  bool made() const { return made_; }
  bool write(const std::string& name, const std::string& text) const {
    std::ofstream file(folder_ + "/" + name);
    file << text << std::flush;
    return file.good();
  }

 private:
  std::string folder_;
  bool made_ = false;
};

TEST(cgroup_limits, finds_the_quota_that_this_kernel_enforces) {
  const auto name = "/graphite-test-" + std::to_string(::getpid());
  const bool v1 = ::access("/sys/fs/cgroup/cpu/cpu.cfs_period_us", F_OK) == 0 ||
                  ::access("/sys/fs/cgroup/cpu/cgroup.procs", F_OK) == 0;
  const real_group group((v1 ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup") + name);
  const bool limited = group.made() && (v1 ? group.write("cpu.cfs_quota_us", "50000") &&
                                                 group.write("cpu.cfs_period_us", "100000")
                                           : group.write("cpu.max", "50000 100000"));
  if (!limited) GTEST_SKIP() << "no control group with a quota can be made here";
  EXPECT_EQ(test::in_child([&]() -> std::string {
              if (!group.write("cgroup.procs", "0")) return "cannot enter";
              const auto facts = read_cgroup_facts();
              return facts.cpu_quota ? std::to_string(*facts.cpu_quota) : facts.quota_reason;
            }),
            std::to_string(0.5));
}

processor_facts eight_with(std::vector<int> allowed) {
  return {.allowed = std::move(allowed), .online = {0, 1, 2, 3, 4, 5, 6, 7}};
}

TEST(exclusiveness, the_whole_machine_is_shared) {
  auto facts = eight_with({0, 1, 2, 3, 4, 5, 6, 7});
  facts.cgroup.cpu_quota = 8;
  const auto verdict = judge_exclusiveness(facts);
  EXPECT_FALSE(verdict.exclusive);
  EXPECT_THAT(verdict.reason, HasSubstr("0-7 are shared with the whole machine"));
}

TEST(exclusiveness, as_many_processors_as_the_quota_grants_are_a_hint) {
  auto facts = eight_with({2, 3});
  EXPECT_FALSE(judge_exclusiveness(facts).exclusive);
  facts.cgroup.cpu_quota = 2;
  EXPECT_FALSE(judge_exclusiveness(facts).exclusive);
  EXPECT_THAT(judge_exclusiveness(facts).reason, HasSubstr("\"on\" is right"));
  for (const double quota : {1.0, 1.5, 2.0001, 3.0}) {
    facts.cgroup.cpu_quota = quota;
    EXPECT_FALSE(judge_exclusiveness(facts).exclusive) << quota;
  }
}

TEST(exclusiveness, what_the_cpuset_says_holds) {
  auto facts = eight_with({2, 3});
  facts.cgroup.exclusive = true;
  facts.cgroup.exclusive_reason = "the group is a partition";
  EXPECT_TRUE(judge_exclusiveness(facts).exclusive);
  EXPECT_EQ(judge_exclusiveness(facts).reason, "the group is a partition");
}

TEST(exclusiveness, isolated_processors_are_ours_if_all_are) {
  auto facts = eight_with({6, 7});
  facts.isolated = {6, 7};
  EXPECT_TRUE(judge_exclusiveness(facts).unbalanced);
  EXPECT_TRUE(judge_exclusiveness(facts).exclusive);
  facts.isolated = {5, 6};
  EXPECT_FALSE(judge_exclusiveness(facts).exclusive);
}

TEST(exclusiveness, a_part_of_the_machine_alone_is_shared_and_says_why) {
  auto facts = eight_with({2, 3});
  facts.cgroup.exclusive_reason = "the cpuset of /a is not exclusive";
  const auto verdict = judge_exclusiveness(facts);
  EXPECT_THAT(verdict.reason, HasSubstr("2-3"));
  EXPECT_THAT(verdict.reason, HasSubstr("the cpuset of /a is not exclusive"));
  EXPECT_FALSE(judge_exclusiveness({}).exclusive);
  EXPECT_FALSE(judge_exclusiveness({}).reason.empty());
}

}  // namespace
}  // namespace graphite
