#include "platform/numa/cgroup_paths.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace graphite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto v2_mount = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

std::vector<cgroup_place> places(std::string_view controller, std::string_view memberships,
                                 std::string_view mounts) {
  return places_of_controller(controller, parse_cgroup_memberships(memberships), parse_cgroup_mounts(mounts));
}

TEST(cgroup_paths, of_v2_are_the_group_and_its_ancestors) {
  const auto found = places("cpu", "0::/user.slice/build.scope\n", v2_mount);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_TRUE(found[0].v2);
  EXPECT_EQ(found[0].mounted, "/sys/fs/cgroup");
  EXPECT_THAT(found[0].folders, ElementsAre("/sys/fs/cgroup/user.slice/build.scope",
                                            "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup"));
}

TEST(cgroup_paths, the_root_group_is_the_mount_itself) {
  EXPECT_THAT(places("cpu", "0::/\n", v2_mount)[0].folders, ElementsAre("/sys/fs/cgroup"));
}

TEST(cgroup_paths, of_v1_follow_the_controllers_own_hierarchy) {
  constexpr auto memberships = "4:cpuset:/sets/a\n3:cpu,cpuacct:/docker/x\n0::/unified\n";
  constexpr auto mounts =
      "40 30 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
      "41 30 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "42 30 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  EXPECT_THAT(places("cpu", memberships, mounts)[0].folders,
              ElementsAre("/sys/fs/cgroup/cpu,cpuacct/docker/x", "/sys/fs/cgroup/cpu,cpuacct/docker",
                          "/sys/fs/cgroup/cpu,cpuacct"));
  EXPECT_THAT(places("cpuset", memberships, mounts)[0].folders.front(), "/sys/fs/cgroup/cpuset/sets/a");
  EXPECT_FALSE(places("cpuset", memberships, mounts)[0].v2);
  // Hybrid: what no v1 hierarchy has is v2's.
  EXPECT_THAT(places("io", memberships, mounts)[0].folders.front(), "/sys/fs/cgroup/unified/unified");
}

TEST(cgroup_paths, a_container_sees_its_own_group_at_the_mount) {
  constexpr auto mounts = "40 30 0:30 /docker/x /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
  EXPECT_THAT(places("cpu", "3:cpu:/docker/x\n", mounts)[0].folders, ElementsAre("/sys/fs/cgroup/cpu"));
  EXPECT_THAT(places("cpu", "3:cpu:/docker/x/inner\n", mounts)[0].folders,
              ElementsAre("/sys/fs/cgroup/cpu/inner", "/sys/fs/cgroup/cpu"));
  EXPECT_THAT(places("cpu", "3:cpu:/docker/xy\n", mounts), IsEmpty());
  EXPECT_THAT(places("cpu", "3:cpu:/\n", mounts), IsEmpty());
}

TEST(cgroup_paths, a_group_beyond_the_namespace_is_not_shown) {
  EXPECT_THAT(places("cpu", "0::/../other\n", v2_mount), IsEmpty());
  EXPECT_THAT(places("cpu", "0::/x\n", "30 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
              IsEmpty());
}

TEST(cgroup_paths, the_mount_that_shows_most_ancestors_comes_first) {
  const auto mounts = "50 23 0:26 /a /mnt/part rw - cgroup2 none rw\n" + std::string(v2_mount);
  const auto found = places("cpu", "0::/a/b\n", mounts);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].folders.front(), "/sys/fs/cgroup/a/b");
  EXPECT_EQ(found[1].folders.front(), "/mnt/part/b");
}

TEST(cgroup_paths, blanks_in_paths_are_written_octally_and_colons_are_not) {
  const auto found =
      places("cpu", "0::/a b:c\n", "30 23 0:26 / /mnt/my\\040groups rw - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(found.at(0).folders.front(), "/mnt/my groups/a b:c");
}

TEST(cgroup_paths, passes_over_lines_that_make_no_sense) {
  for (const auto* text : {"", "\n\n", "nonsense", "0:", "0::", "::", "1::/x", "0::relative", ":::::"})
    EXPECT_THAT(parse_cgroup_memberships(text), IsEmpty()) << text;
  for (const auto* text : {"", " - ", "a b - cgroup2 c d", "30 23 0:26 / - cgroup2 x rw",
                           "30 23 0:26 x /sys rw - cgroup2 x rw", "30 23 0:26 / /proc rw - proc proc rw"})
    EXPECT_THAT(parse_cgroup_mounts(text), IsEmpty()) << text;
  EXPECT_THAT(parse_cgroup_mounts("30 23 0:26 / /x\\04 rw - cgroup2"), SizeIs(1));
  EXPECT_THAT(places("cpu", "", ""), IsEmpty());
}

}  // namespace
}  // namespace graphite
