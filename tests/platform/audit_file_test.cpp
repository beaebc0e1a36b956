#include "platform/audit/audit_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "platform/crypto/sha256.hpp"
#include "platform/linux/clock.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/small_mount.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

struct audit : testing::Test {
  test::temporary_folder place;
  std::string folder = place / "audit";
  openssl_hasher hash;
  system_clock_source clock;
  test::recording_log log;

  std::unique_ptr<audit_sink> open(std::uint64_t file_bytes_max = 1 << 20, std::size_t files_max = 64) {
    return open_audit_file({folder, file_bytes_max, files_max}, hash, clock, log).value();
  }
  std::vector<audit_line> lines() { return read_audit(folder, hash).value(); }
};

TEST_F(audit, keeps_what_was_done_in_order_over_restarts) {
  for (int i = 0; i < 3; ++i) open()->record({"uid 0", "rollback", "main " + std::to_string(i)});
  const auto all = lines();
  ASSERT_EQ(all.size(), 3u);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(all[static_cast<std::size_t>(i)].entry.about, "main " + std::to_string(i));
  EXPECT_EQ(all[0].entry.who, "uid 0");
  EXPECT_LE(all[0].time, all[2].time);
  EXPECT_EQ(all[0].time.size(), std::string("2026-11-27T18:00:00.123456789Z").size());
}

TEST_F(audit, belongs_to_its_user_alone) {
  open()->record({"a", "b", "c"});
  struct stat facts {};
  ASSERT_EQ(::stat(folder.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat((folder + "/audit-00000001").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(audit, tells_changed_and_missing_lines) {
  auto sink = open();
  for (int i = 0; i < 5; ++i) sink->record({"uid 0", "build", std::to_string(i)});
  const auto good = place.read("audit/audit-00000001");
  const auto code_after = [&](std::string text) {
    place.write("audit/audit-00000001", text);
    const auto read = read_audit(folder, hash);
    return read ? errc{} : read.error().code;
  };
  EXPECT_EQ(code_after(good), errc{});
  auto changed = good;
  changed[good.find("build\t3") + 6] = '7';
  EXPECT_EQ(code_after(changed), errc::corrupt);
  const auto second = good.find('\n') + 1, third = good.find('\n', second) + 1;
  EXPECT_EQ(code_after(good.substr(0, second) + good.substr(third)), errc::corrupt);
  open()->record({"uid 0", "build", "later"});
  EXPECT_FALSE(read_audit(folder, hash)) << "what is added does not hide it";
}

TEST_F(audit, goes_on_after_a_line_that_a_crash_cut_short) {
  open()->record({"uid 0", "build", "whole"});
  place.write("audit/audit-00000001", place.read("audit/audit-00000001") + "0123456789");
  EXPECT_EQ(lines().size(), 1u);
  open()->record({"uid 0", "build", "next"});
  EXPECT_EQ(lines().size(), 2u);
}

TEST_F(audit, lets_no_name_make_a_line) {
  open()->record({"x\ty\n", "wh\\at", std::string(1, '\x7f') + std::string(10'000, 'z')});
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_EQ(lines()[0].entry.who, "x\\x09y\\x0a");
  EXPECT_LT(lines()[0].entry.about.size(), 5'000u);
}

TEST_F(audit, is_bounded_and_says_what_it_removed) {
  auto sink = open(500, 3);
  for (int i = 0; i < 40; ++i) sink->record({"uid 0", "build", std::to_string(i), false});
  const auto all = lines();
  EXPECT_LT(all.size(), 20u);
  EXPECT_EQ(all.back().entry.about, "39");
  EXPECT_TRUE(std::ranges::any_of(all, [](const auto& one) { return one.entry.what == "remove"; }));
}

TEST_F(audit, says_once_that_the_disk_is_full_and_goes_on_when_it_is_not) {
  const test::small_mount disk(1 * MiB);
  if (!disk.mounted()) GTEST_SKIP() << "a small file system cannot be mounted here";
  folder = disk.path() + "/audit";
  auto sink = open(64 * MiB);
  for (int i = 0; i < 2'000; ++i) sink->record({"uid 0", "build", std::string(1'000, 'x'), false});
  EXPECT_EQ(log.count("audit record cannot be written"), 1u);
  EXPECT_FALSE(lines().empty()) << "what was written can be read";
}

}  // namespace
}  // namespace graphite
