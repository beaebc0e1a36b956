#include "platform/store/mapped_segment.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/linux/owned_fd.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

/// Whether the page at `address` is in this process's memory.
bool is_resident(const std::byte* address) {
  static const owned_fd pages(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  std::uint64_t entry = 0;
  const auto at = reinterpret_cast<std::uintptr_t>(address) / static_cast<std::uintptr_t>(::getpagesize());
  EXPECT_EQ(::pread(pages.get(), &entry, sizeof entry, static_cast<off_t>(at * sizeof entry)), 8);
  return (entry >> 63) != 0;
}

struct mapped_segment_memory : testing::Test {
  mapped_segment_memory() {
    folder.write("file", std::string(page * pages_of_file, 'x'));
    view = mapped_segment::open(folder / "file", 0).value();
    bytes = view->all().value();
    touch();
  }
  void touch() const {
    for (std::size_t i = 0; i < pages_of_file; ++i) ASSERT_EQ(bytes[i * page], std::byte{'x'});
  }
  std::vector<std::size_t> resident() const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < pages_of_file; ++i)
      if (is_resident(bytes.data() + i * page)) out.push_back(i);
    return out;
  }

  static constexpr std::size_t pages_of_file = 8;
  const std::size_t page = static_cast<std::size_t>(::getpagesize());
  test::temporary_folder folder;
  std::shared_ptr<const mapped_segment> view;
  byte_span bytes;
};

TEST_F(mapped_segment_memory, what_is_let_go_leaves_the_memory_page_by_page_and_can_be_read_again) {
  ASSERT_EQ(resident().size(), pages_of_file);
  view->let_go(2 * page + 1, 3 * page);  // all of two pages, some of two others
  EXPECT_EQ(resident(), (std::vector<std::size_t>{0, 1, 2, 5, 6, 7}));
  touch();
  EXPECT_EQ(resident().size(), pages_of_file);
}

TEST_F(mapped_segment_memory, what_begins_with_a_page_and_fills_it_takes_the_page_along_in_which_it_ends) {
  view->let_go(2 * page, 2 * page + 1);
  EXPECT_EQ(resident(), (std::vector<std::size_t>{0, 1, 5, 6, 7}));
  touch();
  view->let_go(2 * page, page - 1);  // it fills none
  EXPECT_EQ(resident().size(), pages_of_file);
}

TEST_F(mapped_segment_memory, letting_go_of_less_than_a_page_or_of_what_is_not_there_does_nothing) {
  view->let_go(page + 1, page);
  view->let_go(0, 0);
  view->let_go(pages_of_file * page, page);
  view->let_go(UINT64_MAX - page, 2 * page);
  view->let_go(0, UINT64_MAX);
  EXPECT_EQ(resident().size(), pages_of_file);
}

TEST(mapped_segment, what_is_no_regular_file_is_refused_at_once) {
  const test::temporary_folder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  folder.make_folder("folder");
  folder.write("empty", "");
  EXPECT_EQ(mapped_segment::open(folder / "pipe", 0).error().code, errc::invalid_argument);
  EXPECT_EQ(mapped_segment::open(folder / "folder", 0).error().code, errc::invalid_argument);
  EXPECT_EQ(mapped_segment::open("/dev/zero", 0).error().code, errc::invalid_argument);
  EXPECT_EQ(mapped_segment::open(folder / "empty", 0).error().code, errc::corrupt);
  EXPECT_EQ(mapped_segment::open(folder / "none", 0).error().code, errc::not_found);
}

}  // namespace
}  // namespace graphite
