// Files of graphite_files.h while calls of the system fail, are interrupted and come short: those of this
// process, whoever makes them, as the library finds these before the C library's.

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "tests/bindings/c_files.hpp"
#include "tests/support/reserved_huge_pages.hpp"

namespace {

/// What happens to the calls for one file, that of the running test.
struct faults {
  std::atomic<bool> only_few{false};  ///< transfers of at most 7 bytes
  std::atomic<int> interruptions{0};  ///< so many calls are interrupted first
  std::atomic<int> read_errno{0}, write_errno{0};
  std::atomic<long> from_byte{0};  ///< where those begin
  std::atomic<int> sync_errno{0};  ///< of a file
  std::atomic<int> folder_sync_errno{0};
  std::atomic<int> rename_errno{0};
  std::atomic<int> populate_errno{0};  ///< of madvise(MADV_POPULATE_…)
  std::atomic<int> syncs{0}, populated{0};
};
faults now;

/// Of no other file, so that what the test program itself does goes on.
bool is_of_the_test(int fd) {
  char link[64], path[4096] = "";
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  return ::readlink(link, path, sizeof path - 1) > 0 && std::strstr(path, "/graphite-test-") != nullptr;
}

bool is_interrupted() {
  int left = now.interruptions.load();
  while (left > 0 && !now.interruptions.compare_exchange_weak(left, left - 1)) {
  }
  return left > 0;
}

int failed_with(int errno_value) {
  errno = errno_value;
  return -1;
}

ssize_t transfer(long number, int fd, const void* buffer, size_t size, off_t offset, int fails_with) {
  if (!is_of_the_test(fd)) return ::syscall(number, fd, buffer, size, offset);
  if (is_interrupted()) return failed_with(EINTR);
  if (fails_with != 0 && offset >= now.from_byte) return failed_with(fails_with);
  if (fails_with != 0) size = std::min(size, static_cast<size_t>(now.from_byte - offset));
  if (now.only_few) size = std::min(size, size_t{7});
  return ::syscall(number, fd, buffer, size, offset);
}

int synced(int fd, long number) {
  struct ::stat found {};
  ::fstat(fd, &found);
  if (!is_of_the_test(fd)) return static_cast<int>(::syscall(number, fd));
  ++now.syncs;
  if (is_interrupted()) return failed_with(EINTR);
  const int fails_with = S_ISDIR(found.st_mode) ? now.folder_sync_errno : now.sync_errno;
  return fails_with != 0 ? failed_with(fails_with) : static_cast<int>(::syscall(number, fd));
}

}  // namespace

extern "C" {
ssize_t pread(int fd, void* buffer, size_t size, off_t offset) {
  return transfer(SYS_pread64, fd, buffer, size, offset, now.read_errno);
}
ssize_t pwrite(int fd, const void* buffer, size_t size, off_t offset) {
  return transfer(SYS_pwrite64, fd, buffer, size, offset, now.write_errno);
}
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }
int fsync(int fd) { return synced(fd, SYS_fsync); }
int rename(const char* from, const char* to) noexcept {
  if (now.rename_errno != 0) return failed_with(now.rename_errno);
  return static_cast<int>(::syscall(SYS_rename, from, to));
}
int madvise(void* memory, size_t size, int advice) noexcept {
  const bool populates = advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
  if (populates) ++now.populated;
  if (populates && is_interrupted()) return failed_with(EINTR);
  if (populates && now.populate_errno != 0) return failed_with(now.populate_errno);
  return static_cast<int>(::syscall(SYS_madvise, memory, size, advice));
}
}

namespace graphite {
namespace {

using test::read_and_write;

struct c_file_faults : test::c_files {
  void SetUp() override {
    text.clear();
    for (int i = 0; i < 2'000; ++i) text += std::to_string(i) + ' ';
    folder.write("a", text);
    ASSERT_EQ(open("a", read_and_write), GRAPHITE_SUCCESS);
  }
  void TearDown() override {
    now.only_few = false;
    now.from_byte = 0;
    for (auto* const one :
         {&now.interruptions, &now.read_errno, &now.write_errno, &now.sync_errno, &now.folder_sync_errno,
          &now.rename_errno, &now.populate_errno, &now.syncs, &now.populated})
      *one = 0;
  }
  std::size_t files_there() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
  }
  std::string text;
};

TEST_F(c_file_faults, reads_that_come_short_and_are_interrupted_go_on) {
  now.only_few = true;
  now.interruptions = 5;
  EXPECT_TRUE(read(text.size(), 0) == text);
  EXPECT_EQ(now.interruptions, 0);
  EXPECT_TRUE(read(100'000, 1) == text.substr(1));
}

TEST_F(c_file_faults, writes_that_come_short_and_are_interrupted_go_on) {
  now.only_few = true;
  now.interruptions = 5;
  std::size_t put = 0;
  EXPECT_EQ(write(text, 3, &put), GRAPHITE_SUCCESS);
  EXPECT_EQ(put, text.size());
  EXPECT_TRUE(folder.read("a") == text.substr(0, 3) + text);
  EXPECT_EQ(graphite_file_replace((folder / "b").c_str(), text.data(), text.size()), GRAPHITE_SUCCESS);
  EXPECT_TRUE(folder.read("b") == text);
}

TEST_F(c_file_faults, a_read_that_fails_says_how_far_it_came) {
  now.read_errno = EIO;
  now.from_byte = 4'096;
  std::string out(text.size(), '?');
  std::size_t got = 0;
  EXPECT_EQ(graphite_file_read(&opened, out.data(), out.size(), 0, &got), GRAPHITE_ERROR_IO);
  EXPECT_EQ(got, 4'096u);
  EXPECT_TRUE(out.substr(0, 4'096) == text.substr(0, 4'096));
  now.read_errno = ENOMEM;
  EXPECT_EQ(graphite_file_read(&opened, out.data(), out.size(), 0, &got), GRAPHITE_ERROR_OUT_OF_MEMORY);
}

TEST_F(c_file_faults, a_write_that_fails_says_how_far_it_came) {
  const std::pair<int, graphite_result> rows[] = {{ENOSPC, GRAPHITE_ERROR_OUT_OF_SPACE},
                                                  {EDQUOT, GRAPHITE_ERROR_OUT_OF_SPACE},
                                                  {EIO, GRAPHITE_ERROR_IO},
                                                  {EFBIG, GRAPHITE_ERROR_TOO_LARGE},
                                                  {EROFS, GRAPHITE_ERROR_PERMISSION_DENIED}};
  now.from_byte = 1'000;
  for (const auto& [errno_value, result] : rows) {
    now.write_errno = errno_value;
    std::size_t put = 0;
    EXPECT_EQ(write(text, 0, &put), result) << errno_value;
    EXPECT_EQ(put, 1'000u);
  }
}

TEST_F(c_file_faults, a_sync_that_failed_is_not_taken_back_by_a_later_one) {
  ASSERT_EQ(write("x", 0), GRAPHITE_SUCCESS);
  now.sync_errno = EIO;
  EXPECT_EQ(graphite_file_sync(&opened), GRAPHITE_ERROR_IO);
  now.sync_errno = 0;
  const int before = now.syncs;
  EXPECT_EQ(graphite_file_sync(&opened), GRAPHITE_ERROR_IO) << "the kernel would say that all is well";
  EXPECT_EQ(now.syncs, before);
  ASSERT_EQ(open("a", read_and_write), GRAPHITE_SUCCESS);
  now.interruptions = 3;
  EXPECT_EQ(graphite_file_sync(&opened), GRAPHITE_SUCCESS)
      << "another file, and interruptions are no failure";
  EXPECT_EQ(now.interruptions, 0);
}

TEST_F(c_file_faults, replacing_leaves_the_old_file_where_anything_fails_before_the_rename) {
  const auto fails = [&](std::atomic<int>& what, int errno_value, graphite_result result) {
    what = errno_value;
    EXPECT_EQ(graphite_file_replace((folder / "a").c_str(), "new", 3), result);
    what = 0;
    EXPECT_TRUE(folder.read("a") == text);
    EXPECT_EQ(files_there(), 1u);
  };
  fails(now.write_errno, ENOSPC, GRAPHITE_ERROR_OUT_OF_SPACE);
  fails(now.write_errno, EIO, GRAPHITE_ERROR_IO);
  fails(now.sync_errno, EIO, GRAPHITE_ERROR_IO);
  fails(now.sync_errno, ENOSPC, GRAPHITE_ERROR_OUT_OF_SPACE);
  fails(now.rename_errno, EACCES, GRAPHITE_ERROR_PERMISSION_DENIED);
}

TEST_F(c_file_faults, replacing_syncs_file_and_folder_and_says_which_of_them_failed) {
  EXPECT_EQ(graphite_file_replace((folder / "a").c_str(), "new", 3), GRAPHITE_SUCCESS);
  EXPECT_EQ(now.syncs, 2);
  now.folder_sync_errno = EIO;
  EXPECT_EQ(graphite_file_replace((folder / "a").c_str(), "newer", 5), GRAPHITE_ERROR_IO);
  EXPECT_NE(std::string(graphite_last_error()).find("a crash may undo it"), std::string::npos);
  EXPECT_EQ(folder.read("a"), "newer");
  EXPECT_EQ(files_there(), 1u);
}

TEST_F(c_file_faults, prefaulting_goes_by_reads_where_the_kernel_cannot) {
  map(10, text.size() - 10);
  now.populate_errno = EINVAL;
  EXPECT_EQ(graphite_file_prefault(&opened, 10, text.size() - 10), GRAPHITE_SUCCESS);
  EXPECT_EQ(now.populated, 1);
  now.read_errno = EIO;
  now.from_byte = 4'096;
  EXPECT_EQ(graphite_file_prefault(&opened, 10, text.size() - 10), GRAPHITE_ERROR_IO);
  now.read_errno = 0;
  std::filesystem::resize_file(folder / "a", 5'000);
  EXPECT_EQ(graphite_file_prefault(&opened, 10, 4'990), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_file_prefault(&opened, 10, 4'991), GRAPHITE_ERROR_CORRUPT);
}

TEST_F(c_file_faults, pages_that_cannot_be_read_are_an_error_of_the_disk_where_the_file_is_whole) {
  map(0, text.size());
  now.populate_errno = EFAULT;  // what MADV_POPULATE_READ says where touching would be SIGBUS
  EXPECT_EQ(graphite_file_prefault(&opened, 0, text.size()), GRAPHITE_ERROR_IO);
  now.populate_errno = EHWPOISON;
  EXPECT_EQ(graphite_file_prefault(&opened, 0, text.size()), GRAPHITE_ERROR_IO);
  now.populate_errno = ENOMEM;
  EXPECT_EQ(graphite_file_prefault(&opened, 0, text.size()), GRAPHITE_ERROR_OUT_OF_MEMORY);
  now.populate_errno = 0;
  now.interruptions = 3;
  EXPECT_EQ(graphite_file_prefault(&opened, 0, text.size()), GRAPHITE_SUCCESS);
}

TEST_F(c_file_faults, huge_pages_that_are_promised_and_refused_are_replaced_by_others) {
  const test::huge_page_turn turn;
  const test::reserved_huge_pages pool(turn, 2);
  if (!pool) GTEST_SKIP() << pool.why_not();
  for (const int refusal : {EFAULT, ENOMEM, EHWPOISON, EINVAL}) {
    now.populate_errno = refusal;
    graphite_large_pages pages;
    ASSERT_EQ(graphite_map_large_pages(4 << 20, nullptr, &pages), GRAPHITE_SUCCESS);
    EXPECT_NE(pages.kind, GRAPHITE_PAGES_HUGETLB);
    const std::string why = refusal == EINVAL ? "Linux 5.14 can" : "refused when they were touched";
    EXPECT_NE(std::string(pages.reason).find(why), std::string::npos) << pages.reason;
    std::memset(pages.memory, 1, pages.size);
    EXPECT_EQ(pool.free(), 2u) << "given back";
    graphite_unmap_large_pages(&pages);
  }
}

TEST_F(c_file_faults, memory_is_touched_by_hand_where_the_kernel_cannot) {
  now.populate_errno = EINVAL;
  graphite_large_pages_options options;
  graphite_large_pages_options_init(&options);
  options.best = GRAPHITE_PAGES_NORMAL;
  options.touched = true;
  graphite_large_pages pages;
  ASSERT_EQ(graphite_map_large_pages(64 << 10, &options, &pages), GRAPHITE_SUCCESS);
  std::vector<unsigned char> resident(pages.size / 4'096);
  ASSERT_EQ(::mincore(pages.memory, pages.size, resident.data()), 0);
  EXPECT_TRUE(std::ranges::all_of(resident, [](unsigned char page) { return (page & 1) != 0; }));
  graphite_unmap_large_pages(&pages);
}

}  // namespace
}  // namespace graphite
