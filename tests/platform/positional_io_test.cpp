#include "platform/linux/positional_io.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "platform/linux/owned_fd.hpp"
#include "tests/support/small_mount.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

constexpr std::size_t page = 4096;

/// A file that is open for both, and a mapping of it.
struct positional_io : testing::Test {
  void open(std::string_view text) {
    folder.write("a", text);
    fd.reset(::open((folder / "a").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(fd);
  }
  void map(std::size_t size) {
    mapping = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    ASSERT_NE(mapping, MAP_FAILED);
    mapping_size = size;
  }
  std::span<const std::byte> mapped(std::size_t offset, std::size_t size) const {
    return {static_cast<const std::byte*>(mapping) + offset, size};
  }
  mapped_file_part part(std::size_t offset, std::size_t size) const {
    return {mapped(offset, size), fd.get(), offset};
  }
  ~positional_io() override {
    if (mapping_size != 0) ::munmap(mapping, mapping_size);
  }

  test::temporary_folder folder;
  owned_fd fd;
  void* mapping = nullptr;
  std::size_t mapping_size = 0;
};

std::byte* unreadable_page() {
  static void* const none = ::mmap(nullptr, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return static_cast<std::byte*>(none);
}

TEST_F(positional_io, reads_to_the_end_and_says_how_much) {
  open("0123456789");
  std::string out(20, '?');
  const auto all = read_at(fd.get(), out.data(), 20, 3);
  EXPECT_EQ(all.bytes, 7u);
  EXPECT_EQ(all.failed_errno, 0);
  EXPECT_EQ(out.substr(0, 8), "3456789?");
}

TEST_F(positional_io, what_is_no_memory_is_an_errno_and_no_signal) {
  open(std::string(2 * page, 'x'));
  EXPECT_EQ(read_at(fd.get(), unreadable_page(), 1, 0).failed_errno, EFAULT);
  EXPECT_EQ(write_at(fd.get(), unreadable_page(), 1, 0).failed_errno, EFAULT);
  // A page of memory and one that is none.
  auto* const both = static_cast<std::byte*>(
      ::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_EQ(::mprotect(both + page, page, PROT_NONE), 0);
  const auto half = read_at(fd.get(), both, 2 * page, 0);
  EXPECT_EQ(half.failed_errno, EFAULT);
  EXPECT_EQ(half.bytes, page);
  EXPECT_EQ(both[page - 1], std::byte{'x'});
  ::munmap(both, 2 * page);
}

TEST_F(positional_io, a_buffer_whose_file_was_cut_short_is_an_errno_and_no_signal) {
  open(std::string(2 * page, 'x'));
  map(2 * page);
  ASSERT_EQ(::ftruncate(fd.get(), 0), 0);
  folder.write("b", std::string(page, 'y'));
  const owned_fd other(::open((folder / "b").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(write_at(other.get(), mapping, page, 0).failed_errno, EFAULT);
}

TEST_F(positional_io, the_limit_of_the_process_is_an_errno_and_no_signal) {
  open("");
  const pid_t child = ::fork();
  if (child == 0) {
    const ::rlimit limit{page, page};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_DFL);
    const std::string text(2 * page, 'x');
    const auto put = write_at(fd.get(), text.data(), text.size(), 0);
    ::sigset_t pending, blocked;
    ::sigpending(&pending);
    ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    const bool quiet = ::sigismember(&pending, SIGXFSZ) == 0 && ::sigismember(&blocked, SIGXFSZ) == 0;
    ::_exit(put.failed_errno == EFBIG && put.bytes == page && quiet ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(positional_io, a_full_disk_is_an_errno_after_what_fits) {
  const test::small_mount disk(16 * page);
  if (!disk.mounted()) GTEST_SKIP() << "no right to mount";
  const owned_fd full(::open((disk.path() + "/a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const std::string text(64 * page, 'x');
  const auto put = write_at(full.get(), text.data(), text.size(), 0);
  EXPECT_EQ(put.failed_errno, ENOSPC);
  EXPECT_GT(put.bytes, 0u);
  EXPECT_LT(put.bytes, text.size());
  EXPECT_EQ(sync_data(full.get()), 0);
}

TEST_F(positional_io, syncing_what_is_no_file_is_an_errno) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_EQ(sync_data(ends[1]), EINVAL);
  EXPECT_EQ(advise_file(ends[0], 0, 0, file_advice::normal).error().code, errc::io);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(positional_io, advice_changes_nothing_that_is_read) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i) + ' ';
  open(text);
  map(text.size());
  for (const auto advice : {file_advice::sequential, file_advice::random, file_advice::will_need,
                            file_advice::dont_need, file_advice::normal}) {
    EXPECT_TRUE(advise_file(fd.get(), 0, 0, advice));
    EXPECT_TRUE(advise_file(fd.get(), 17, 5'000, advice));
    EXPECT_TRUE(advise_mapping(mapped(17, 5'000), advice));
    EXPECT_TRUE(std::memcmp(mapping, text.data(), text.size()) == 0);
  }
}

TEST_F(positional_io, prefaulted_pages_are_in_the_page_tables) {
  open(std::string(64 * page, 'x'));
  map(64 * page);
  const auto mapped_pages = [&] {  // bit 63 of each page's entry: present
    const owned_fd table(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
    std::vector<std::uint64_t> entries(64);
    read_at(table.get(), entries.data(), 64 * 8, reinterpret_cast<std::uintptr_t>(mapping) / page * 8);
    return std::ranges::count_if(entries, [](std::uint64_t entry) { return entry >> 63 == 1; });
  };
  EXPECT_EQ(mapped_pages(), 0);
  ASSERT_TRUE(prefault(part(5, 62 * page)));
  EXPECT_GE(mapped_pages(), 63);
}

TEST_F(positional_io, prefaulting_what_was_cut_short_is_an_error_and_no_signal) {
  open(std::string(8 * page, 'x'));
  map(8 * page);
  ASSERT_EQ(::ftruncate(fd.get(), 3 * page + 100), 0);
  EXPECT_TRUE(prefault(part(0, 3 * page + 100)));
  EXPECT_EQ(prefault(part(0, 3 * page + 101)).error().code, errc::corrupt) << "in a page that is there";
  EXPECT_EQ(prefault(part(0, 8 * page)).error().code, errc::corrupt);
  EXPECT_EQ(prefault(part(5 * page, page)).error().code, errc::corrupt);
  ASSERT_EQ(::ftruncate(fd.get(), 8 * page), 0);
  EXPECT_TRUE(prefault(part(0, 8 * page))) << "it has grown again";
}

}  // namespace
}  // namespace graphite
