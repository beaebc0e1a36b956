#include <gtest/gtest.h>

#include "cli/doctor/folder_checks.hpp"
#include "cli/doctor/mounts.hpp"
#include "core/units.hpp"
#include "tests/cli/doctor/findings.hpp"

namespace graphite::doctor {
namespace {

using test::finding_of;
using test::says;

folder_facts disk(const std::string& path) {
  return {.path = path, .type = "ext4", .free_bytes = 100 * GiB, .free_files = 1'000'000};
}

folder_report good_folders() {
  folder_report out;
  out.project_file = "/p/graphite.toml";
  out.project = disk("/p");
  out.state = disk("/p/.graphite");
  out.temporary = disk("/tmp");
  out.scratch = folder_facts{.path = "/dev/shm", .type = "tmpfs", .free_bytes = 1 * GiB};
  return out;
}

finding state_of(const folder_facts& facts) {
  auto report = good_folders();
  report.state = facts;
  return finding_of(judge_folders(report), "state_folder");
}

TEST(doctor_folders, local_disks_are_ok) {
  for (const auto& one : judge_folders(good_folders())) EXPECT_EQ(one.state, finding_state::ok) << one.name;
}

TEST(doctor_folders, without_a_project_its_folders_are_left_out_and_it_is_said) {
  folder_report report{.no_project = "there is no graphite.toml", .temporary = disk("/tmp")};
  const auto all = judge_folders(report);
  const auto found = finding_of(all, "project");
  EXPECT_EQ(found.state, finding_state::note);
  EXPECT_TRUE(says(found.found, "left out: there is no graphite.toml")) << found.found;
  for (const auto& one : all) EXPECT_TRUE(one.name != "project_folder" && one.name != "state_folder");
}

TEST(doctor_folders, a_project_file_with_a_mistake_is_bad) {
  auto report = good_folders();
  report.mistakes = "unknown key";
  EXPECT_EQ(finding_of(judge_folders(report), "project").state, finding_state::bad);
}

TEST(doctor_folders, a_project_on_nfs_is_a_warning) {
  auto report = good_folders();
  report.project->type = "nfs4";
  report.project->network = "NFS";
  const auto found = finding_of(judge_folders(report), "project_folder");
  EXPECT_EQ(found.state, finding_state::warning);
  EXPECT_TRUE(says(found.found, "NFS does not tell of changes made on other machines")) << found.found;
}

TEST(doctor_folders, a_state_folder_that_cannot_be_written_or_is_full_is_bad) {
  auto facts = disk("/p/.graphite");
  facts.refused = "Read-only file system";
  EXPECT_EQ(state_of(facts).state, finding_state::bad);
  facts = disk("/p/.graphite");
  facts.free_bytes = 1 * MiB;
  EXPECT_EQ(state_of(facts).state, finding_state::bad);
}

TEST(doctor_folders, little_space_few_inodes_and_nfs_are_warnings_for_the_state_folder) {
  auto facts = disk("/s");
  facts.free_bytes = 1 * GiB;
  EXPECT_EQ(state_of(facts).state, finding_state::warning);
  facts = disk("/s");
  facts.free_files = 50;
  EXPECT_TRUE(says(state_of(facts).found, "50 more files"));
  facts.free_files.reset();  // no fixed number
  EXPECT_EQ(state_of(facts).state, finding_state::ok);
  facts.network = "CIFS";
  EXPECT_EQ(state_of(facts).state, finding_state::warning);
}

TEST(doctor_folders, state_that_does_not_last_is_noted) {
  auto facts = disk("/s");
  facts.type = "overlay";
  EXPECT_TRUE(says(state_of(facts).advice, "docker run -v"));
  facts.type = "tmpfs";
  EXPECT_EQ(state_of(facts).state, finding_state::note);
}

TEST(doctor_folders, a_temporary_folder_that_cannot_be_written_is_a_warning) {
  auto report = good_folders();
  report.temporary.refused = "Permission denied";
  EXPECT_EQ(finding_of(judge_folders(report), "temporary_folder").state, finding_state::warning);
  report = good_folders();
  report.temporary.free_bytes = 1 * MiB;
  EXPECT_EQ(finding_of(judge_folders(report), "temporary_folder").state, finding_state::note);
}

TEST(doctor_folders, scratch_memory_that_is_not_used_is_noted) {
  auto report = good_folders();
  report.scratch->free_bytes = 64 * MiB;  // Docker's
  EXPECT_TRUE(says(finding_of(judge_folders(report), "scratch_memory").advice, "--shm-size"));
  report = good_folders();
  report.scratch->no_exec = true;
  EXPECT_TRUE(says(finding_of(judge_folders(report), "scratch_memory").found, "noexec"));
  report.scratch.reset();
  EXPECT_EQ(finding_of(judge_folders(report), "scratch_memory").state, finding_state::note);
}

constexpr std::string_view mounts =
    "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "21 20 0:5 / /home rw - nfs4 server:/home rw\n"
    "no line at all\n"
    "22 20 0:6 / /home/with\\040blank rw shared:2 master:1 - fuse.sshfs host: rw\n"
    "23 20 0:7 / /home rw - btrfs /dev/sdb rw\n";

TEST(doctor_mounts, the_longest_and_last_mount_counts) {
  EXPECT_EQ(mount_of(mounts, "/usr/bin").type, "ext4");
  EXPECT_EQ(mount_of(mounts, "/home").type, "btrfs");
  EXPECT_EQ(mount_of(mounts, "/home/with blank/x").type, "fuse.sshfs");
  EXPECT_EQ(mount_of(mounts, "/homely").type, "ext4");
  EXPECT_EQ(mount_of("", "/x").type, "");
}

}  // namespace
}  // namespace graphite::doctor
