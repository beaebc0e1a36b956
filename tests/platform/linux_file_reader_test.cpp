#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "platform/linux/beneath.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

logical_path p(std::string_view text) { return logical_path::parse(text).value(); }

struct linux_file_reader : testing::Test {
  linux_file_reader() {
    folder.make_folder("root/sub");
    folder.write("outside", "secret");
    folder.write("root/a", "hello");
    reader = posix_file_reader::open_root(folder / "root").value();
  }

  result<std::string> read(std::string_view path) {
    GRAPHITE_TRY(auto file, reader->open(p(path)));
    std::string out;
    std::byte buffer[3];
    while (true) {
      GRAPHITE_TRY(const auto got, file->read(buffer));
      if (got == 0) return out;
      out += as_text(byte_span(buffer, got));
    }
  }

  test::temporary_folder folder;
  std::unique_ptr<posix_file_reader> reader;
};

TEST_F(linux_file_reader, reads_files_and_links_that_stay_inside) {
  folder.link("../a", "root/sub/relative");
  folder.link(folder / "root/a", "root/absolute");
  folder.link("sub", "root/alias");
  for (const auto* name : {"a", "sub/relative", "absolute", "alias/relative"})
    EXPECT_EQ(read(name), "hello") << name;
}

TEST_F(linux_file_reader, refuses_what_leaves_the_root) {
  folder.link("../outside", "root/up");
  folder.link(folder / "outside", "root/absolute");
  folder.link("..", "root/parent");
  folder.link("sub/../../outside", "root/winding");
  for (const auto* name : {"up", "absolute", "parent/outside", "winding"}) {
    const auto got = read(name);
    ASSERT_FALSE(got) << name;
    EXPECT_EQ(got.error().code, errc::invalid_argument) << got.error().context;
    EXPECT_FALSE(reader->info(p(name)));
  }
}

TEST_F(linux_file_reader, loops_danglers_and_missing_files_are_clear_errors) {
  folder.link("loop2", "root/loop1");
  folder.link("loop1", "root/loop2");
  folder.link("nowhere", "root/dangling");
  EXPECT_EQ(read("loop1").error().code, errc::invalid_argument);
  EXPECT_EQ(read("dangling").error().code, errc::not_found);
  EXPECT_EQ(read("missing").error().code, errc::not_found);
  EXPECT_EQ(read("a/below-a-file").error().code, errc::not_found);
  EXPECT_EQ(posix_file_reader::open_root(folder / "none").error().code, errc::not_found);
}

TEST_F(linux_file_reader, the_way_without_openat2_agrees) {
  folder.link("../a", "root/sub/relative");
  folder.link(folder / "root/a", "root/absolute");
  folder.link("../outside", "root/up");
  folder.link("..", "root/parent");
  folder.link("loop", "root/loop");
  folder.link("sub", "root/alias");
  const auto root = open_root_folder(folder / "root").value();
  for (const auto* name : {"a", "sub", "", "sub/relative", "absolute", "alias/relative", "up",
                           "parent/outside", "loop", "missing", "alias"}) {
    const auto quick = open_beneath(root.get(), name, O_PATH);
    const auto slow = open_beneath_stepwise(root.get(), name, O_PATH);
    ASSERT_EQ(quick.has_value(), slow.has_value()) << name;
    if (quick)
      EXPECT_EQ(path_of(quick->get()), path_of(slow->get())) << name;
    else
      EXPECT_EQ(quick.error().code, slow.error().code) << name;
  }
}

TEST_F(linux_file_reader, only_regular_files_open_and_a_fifo_never_blocks) {
  ASSERT_EQ(::mkfifo((folder / "root/fifo").c_str(), 0600), 0);
  EXPECT_EQ(read("fifo").error().code, errc::invalid_argument);
  EXPECT_EQ(read("sub").error().code, errc::invalid_argument);
  EXPECT_EQ(reader->info(p("fifo"))->kind, file_kind::special);
  EXPECT_EQ(reader->info(p("sub"))->kind, file_kind::folder);
  EXPECT_FALSE(reader->open_for_writing(p("fifo")));
}

TEST_F(linux_file_reader, tells_who_is_open_for_writing) {
  EXPECT_FALSE(reader->open_for_writing(p("a")));
  {
    const owned_fd writer(::open((folder / "root/a").c_str(), O_WRONLY));
    ASSERT_TRUE(writer);
    EXPECT_TRUE(reader->open_for_writing(p("a")));
  }
  EXPECT_FALSE(reader->open_for_writing(p("a")));
  const owned_fd other_reader(::open((folder / "root/a").c_str(), O_RDONLY));
  EXPECT_FALSE(reader->open_for_writing(p("a")));
  EXPECT_FALSE(reader->open_for_writing(p("missing")));
}

TEST_F(linux_file_reader, a_signature_is_trusted_only_well_after_the_last_change) {
  struct ::stat raw {};
  ASSERT_EQ(::stat((folder / "root/a").c_str(), &raw), 0);
  const auto changed = raw.st_ctim.tv_sec * 1'000'000'000LL + raw.st_ctim.tv_nsec;
  EXPECT_FALSE(make_file_info(raw, changed).signature.trusted);
  EXPECT_FALSE(make_file_info(raw, changed + 9'000'000).signature.trusted);
  EXPECT_TRUE(make_file_info(raw, changed + 50'000'000).signature.trusted);
  raw.st_mtim.tv_sec += 3600;
  EXPECT_FALSE(make_file_info(raw, changed + 50'000'000).signature.trusted) << "a file from the future";
  EXPECT_EQ(reader->info(p("a"))->signature.size, 5u);
}

TEST_F(linux_file_reader, an_open_file_keeps_its_bytes_when_its_name_is_taken) {
  auto file = reader->open(p("a")).value();
  folder.write("root/b", "other");
  std::filesystem::rename(folder / "root/b", folder / "root/a");
  std::byte buffer[16];
  EXPECT_EQ(file->read(buffer), 5u);
  EXPECT_EQ(as_text(byte_span(buffer, 5)), "hello");
  EXPECT_FALSE(file->info()->signature.same_file_state(reader->info(p("a"))->signature));
}

}  // namespace
}  // namespace graphite
