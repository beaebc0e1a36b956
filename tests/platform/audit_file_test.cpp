#include "platform/audit/audit_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

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
  audit_record all() { return read_audit(folder, hash).value(); }
  std::vector<audit_line> lines() { return all().lines; }
  void record(int count) {
    const auto sink = open();
    for (int i = 0; i < count; ++i) sink->record({"uid 0", "build", std::to_string(i), i % 2 == 0});
  }
  /// Takes whole lines off the end of the newest file.
  void cut_lines(int count) {
    auto text = place.read("audit/audit-00000001");
    for (int i = 0; i < count; ++i) text.resize(text.rfind('\n', text.size() - 2) + 1);
    place.write("audit/audit-00000001", text);
  }
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

TEST_F(audit, tells_lines_that_were_cut_off_its_end) {
  record(5);
  EXPECT_FALSE(all().cut_off);
  EXPECT_EQ(all().written, 5u);
  const auto last = all().lines.back().time;
  for (int left = 4; left > 0; --left) {
    cut_lines(1);
    const auto read = all();
    EXPECT_EQ(read.lines.size(), static_cast<std::size_t>(left)) << "what is left is shown";
    ASSERT_TRUE(read.cut_off);
    EXPECT_EQ(read.cut_off->code, errc::corrupt);
    EXPECT_NE(read.cut_off->context.find("line 5 of " + last), std::string::npos) << read.cut_off->context;
  }
  std::filesystem::remove(folder + "/audit-00000001");
  EXPECT_TRUE(all().cut_off) << "also where no file is left";
}

TEST_F(audit, says_in_itself_what_is_missing_and_goes_on) {
  record(5);
  cut_lines(2);
  record(1);
  const auto read = all();
  EXPECT_FALSE(read.cut_off) << "it is told by a line of its own now";
  ASSERT_EQ(read.lines.size(), 5u);
  EXPECT_EQ(read.lines[3].entry.what, "missing");
  EXPECT_NE(read.lines[3].entry.about.find("line 5 of "), std::string::npos);
  EXPECT_EQ(read.written, 7u);
  record(1);
  EXPECT_EQ(lines().size(), 6u) << "once";
}

TEST_F(audit, takes_a_crash_between_line_and_head_for_none) {
  record(3);
  const auto head = place.read("audit/head");
  record(1);
  place.write("audit/head", head);
  EXPECT_FALSE(all().cut_off);
  EXPECT_EQ(all().written, 4u);
  record(1);
  EXPECT_EQ(all().written, 5u);
  for (const auto& line : lines()) EXPECT_EQ(line.entry.what, "build");
}

TEST_F(audit, tells_that_its_head_is_missing) {
  record(3);
  const auto head = place.read("audit/head");
  for (const auto& text : {std::string(), head.substr(1), head + "x", std::string(head.size(), '0')}) {
    place.write("audit/head", text);
    ASSERT_TRUE(all().cut_off) << text;
    EXPECT_NE(all().cut_off->context.find("cannot be told"), std::string::npos);
  }
  std::filesystem::remove(folder + "/head");
  EXPECT_TRUE(all().cut_off);
  record(1);
  EXPECT_FALSE(all().cut_off);
  ASSERT_EQ(lines().size(), 5u);
  EXPECT_EQ(lines()[3].entry.what, "missing");
  EXPECT_EQ(all().written, 5u);
}

TEST_F(audit, goes_on_after_a_file_that_was_only_begun) {
  record(3);
  place.write("audit/audit-00000002", "");
  record(1);
  EXPECT_FALSE(all().cut_off);
  EXPECT_EQ(all().written, 4u);
  EXPECT_EQ(lines().size(), 4u);
}

TEST_F(audit, has_a_digest_that_is_kept_elsewhere) {
  record(4);
  const auto read = all();
  EXPECT_TRUE(check_kept_digest(read, read.lines.back().digest));
  EXPECT_TRUE(check_kept_digest(read, read.lines.front().digest));
  EXPECT_NE(read.lines.front().digest, read.lines.back().digest);
  EXPECT_EQ(check_kept_digest(read, std::string(64, '0')).error().code, errc::corrupt);
  // Who can write the folder makes a record anew that is whole by itself.
  std::filesystem::remove_all(folder);
  record(9);
  EXPECT_FALSE(all().cut_off);
  EXPECT_FALSE(check_kept_digest(all(), read.lines.back().digest));
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
  EXPECT_FALSE(read_audit(folder, hash)->cut_off);
  EXPECT_GT(read_audit(folder, hash)->written, 40u) << "also those whose file went, and what told so";
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
