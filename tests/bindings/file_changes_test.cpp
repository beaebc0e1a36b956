#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/bindings/c_files.hpp"
#include "tests/support/small_mount.hpp"

namespace graphite {
namespace {

using test::read_and_write;

struct c_file_changes : test::c_files {};

constexpr std::size_t gibibyte = std::size_t{1} << 30;

std::uint64_t bytes_on_disk(const std::string& path) {
  struct ::stat found {};
  return ::stat(path.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_blocks) * 512 : UINT64_MAX;
}

TEST_F(c_file_changes, writes_anywhere_and_reads_it_back) {
  ASSERT_EQ(open("a", read_and_write | GRAPHITE_FILE_CREATE), GRAPHITE_SUCCESS);
  std::size_t put = 7;
  EXPECT_EQ(write("0123456789", 0, &put), GRAPHITE_SUCCESS);
  EXPECT_EQ(put, 10u);
  EXPECT_EQ(write("abc", 3), GRAPHITE_SUCCESS);
  EXPECT_EQ(write("end", 13), GRAPHITE_SUCCESS);
  EXPECT_EQ(write("", 1'000), GRAPHITE_SUCCESS);
  EXPECT_EQ(opened.size, 0u) << "as it was opened";
  EXPECT_EQ(read(100, 0), std::string("012abc6789\0\0\0end", 16));
  EXPECT_EQ(graphite_file_sync(&opened), GRAPHITE_SUCCESS);
  EXPECT_EQ(folder.read("a"), std::string("012abc6789\0\0\0end", 16));
}

TEST_F(c_file_changes, what_was_written_and_cut_short_is_missed) {
  ASSERT_EQ(open("a", read_and_write | GRAPHITE_FILE_CREATE), GRAPHITE_SUCCESS);
  ASSERT_EQ(write("0123456789", 0), GRAPHITE_SUCCESS);
  std::filesystem::resize_file(folder / "a", 4);
  char out[20];
  std::size_t got = 0;
  EXPECT_EQ(graphite_file_read(&opened, out, 20, 0, &got), GRAPHITE_ERROR_CORRUPT);
  EXPECT_EQ(got, 4u);
}

TEST_F(c_file_changes, a_sparse_file_of_five_gibibytes_takes_room_only_for_what_is_written) {
  constexpr std::size_t size = 5 * gibibyte;
  ASSERT_EQ(open("big", read_and_write | GRAPHITE_FILE_CREATE), GRAPHITE_SUCCESS);
  for (const std::size_t at : {std::size_t{3}, 4 * gibibyte - 3, 4 * gibibyte + 4097, size - 7})
    ASSERT_EQ(write("written", at), GRAPHITE_SUCCESS) << at;
  EXPECT_EQ(std::filesystem::file_size(folder / "big"), size);
  EXPECT_LT(bytes_on_disk(folder / "big"), 1u << 20);
  EXPECT_EQ(read(9, 2), std::string("\0written\0", 9));
  EXPECT_EQ(read(9, 4 * gibibyte - 4), std::string("\0written\0", 9)) << "across four gibibytes";
  EXPECT_EQ(read(100, size - 8), std::string("\0written", 8));
  EXPECT_EQ(read(100'000, 2 * gibibyte + 1), std::string(100'000, '\0'));
  ASSERT_EQ(open("big"), GRAPHITE_SUCCESS);
  EXPECT_EQ(opened.size, size);
  const char* const mapped = map(4 * gibibyte - 10, gibibyte);
  ASSERT_NE(mapped, nullptr);
  EXPECT_EQ(graphite_file_prefault(&opened, 4 * gibibyte - 10, 20), GRAPHITE_SUCCESS);
  EXPECT_EQ(std::string_view(mapped + 7, 7), "written");
  EXPECT_EQ(graphite_file_advise(&opened, 4 * gibibyte + 1, gibibyte, GRAPHITE_ADVICE_RANDOM),
            GRAPHITE_SUCCESS);
}

TEST_F(c_file_changes, says_what_is_wrong_with_writing) {
  folder.write("a", "text");
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  std::size_t put = 7;
  EXPECT_EQ(write("x", 0, &put), GRAPHITE_ERROR_PERMISSION_DENIED);
  EXPECT_EQ(put, 0u);
  EXPECT_EQ(graphite_file_sync(&opened), GRAPHITE_ERROR_PERMISSION_DENIED);
  ASSERT_EQ(open("a", GRAPHITE_FILE_WRITE), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_file_write(nullptr, "x", 1, 0, &put), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_write(&opened, nullptr, 1, 0, &put), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_write(&opened, nullptr, 0, 0, nullptr), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_file_write(&opened, "x", 1, SIZE_MAX, &put), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_write(&opened, "x", 1, INT64_MAX, &put), GRAPHITE_ERROR_INVALID_ARGUMENT);
  void* const nothing = ::mmap(nullptr, 4'096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_EQ(graphite_file_write(&opened, nothing, 1, 0, &put), GRAPHITE_ERROR_INVALID_ARGUMENT);
  ::munmap(nothing, 4'096);
  EXPECT_EQ(graphite_file_sync(nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
  graphite_file_close(&opened);
  EXPECT_EQ(graphite_file_write(&opened, "x", 1, 0, &put), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_sync(&opened), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(folder.read("a"), "text");
}

TEST_F(c_file_changes, no_file_system_has_so_large_a_file) {
  ASSERT_EQ(open("a", GRAPHITE_FILE_WRITE | GRAPHITE_FILE_CREATE), GRAPHITE_SUCCESS);
  EXPECT_EQ(write("x", INT64_MAX - 1), GRAPHITE_ERROR_TOO_LARGE);
}

TEST_F(c_file_changes, a_full_disk_is_out_of_space_and_says_what_was_written) {
  const test::small_mount disk(64 << 10);
  if (!disk.mounted()) GTEST_SKIP() << "no right to mount";
  ASSERT_EQ(graphite_file_open(&opened, (disk.path() + "/a").c_str(), read_and_write | GRAPHITE_FILE_CREATE),
            GRAPHITE_SUCCESS);
  std::size_t put = 0;
  EXPECT_EQ(write(std::string(1 << 20, 'x'), 0, &put), GRAPHITE_ERROR_OUT_OF_SPACE);
  EXPECT_GT(put, 0u);
  EXPECT_LT(put, 1u << 20);
  EXPECT_EQ(read(1 << 20, 0), std::string(put, 'x'));
  EXPECT_EQ(graphite_file_replace((disk.path() + "/b").c_str(), std::string(1 << 20, 'x').data(), 1 << 20),
            GRAPHITE_ERROR_OUT_OF_SPACE);
  EXPECT_FALSE(std::filesystem::exists(disk.path() + "/b"));
  graphite_file_close(&opened);
}

TEST_F(c_file_changes, several_threads_write_one_file) {
  ASSERT_EQ(open("a", read_and_write | GRAPHITE_FILE_CREATE), GRAPHITE_SUCCESS);
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const std::string piece(1'000, static_cast<char>('a' + t));
      for (std::size_t i = t; i < 200; i += 4)
        if (write(piece, i * 1'000) != GRAPHITE_SUCCESS) ++failed;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  std::string wanted;
  for (std::size_t i = 0; i < 200; ++i) wanted += std::string(1'000, static_cast<char>('a' + i % 4));
  EXPECT_TRUE(folder.read("a") == wanted);
}

TEST_F(c_file_changes, replaces_a_file_under_whoever_reads_it) {
  folder.write("a", "old");
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_file_replace((folder / "a").c_str(), "newer", 5), GRAPHITE_SUCCESS);
  EXPECT_EQ(read(10, 0), "old");
  EXPECT_EQ(folder.read("a"), "newer");
  EXPECT_EQ(graphite_file_replace((folder / "b").c_str(), nullptr, 0), GRAPHITE_SUCCESS);
  EXPECT_EQ(folder.read("b"), "");
  EXPECT_EQ(graphite_file_replace(nullptr, "x", 1), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_replace((folder / "b").c_str(), nullptr, 1), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_replace((folder / "b").c_str(), "x", SIZE_MAX), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_replace((folder / "none/b").c_str(), "x", 1), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_EQ(graphite_file_replace(folder.path().c_str(), "x", 1), GRAPHITE_ERROR_INVALID_ARGUMENT);
}

TEST_F(c_file_changes, advice_is_taken_for_any_range_and_changes_nothing) {
  folder.write("a", std::string(100'000, 'x'));
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  const auto advise_all = [&] {
    for (const auto advice : {GRAPHITE_ADVICE_SEQUENTIAL, GRAPHITE_ADVICE_RANDOM, GRAPHITE_ADVICE_WILL_NEED,
                              GRAPHITE_ADVICE_DONT_NEED, GRAPHITE_ADVICE_NORMAL})
      for (const auto& [offset, size] : {std::pair<std::size_t, std::size_t>{0, 0},
                                         {1, 1},
                                         {10'000, 50'000},
                                         {99'999, 1'000'000},
                                         {INT64_MAX, 0}})
        EXPECT_EQ(graphite_file_advise(&opened, offset, size, advice), GRAPHITE_SUCCESS) << offset << advice;
  };
  advise_all();
  const char* const mapped = map(1'000, 90'000);
  advise_all();
  EXPECT_EQ(read(100'000, 0), std::string(100'000, 'x'));
  EXPECT_EQ(std::string_view(mapped, 90'000), std::string(90'000, 'x'));
  EXPECT_EQ(graphite_file_advise(&opened, 0, SIZE_MAX, GRAPHITE_ADVICE_NORMAL),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_advise(&opened, 0, 0, static_cast<graphite_file_advice>(5)),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_advise(nullptr, 0, 0, GRAPHITE_ADVICE_NORMAL), GRAPHITE_ERROR_INVALID_ARGUMENT);
}

TEST_F(c_file_changes, what_is_not_needed_leaves_memory_also_where_it_is_mapped) {
  constexpr std::size_t size = 64 * 4'096;
  ASSERT_EQ(open("a", read_and_write | GRAPHITE_FILE_CREATE), GRAPHITE_SUCCESS);
  ASSERT_EQ(write(std::string(size, 'x'), 0), GRAPHITE_SUCCESS);
  ASSERT_EQ(graphite_file_sync(&opened), GRAPHITE_SUCCESS);
  const char* const mapped = map(0, size);
  const auto resident = [&] {
    std::vector<unsigned char> pages(64);
    ::mincore(const_cast<char*>(mapped), size, pages.data());
    return std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; });
  };
  ASSERT_EQ(graphite_file_prefault(&opened, 0, size), GRAPHITE_SUCCESS);
  EXPECT_EQ(resident(), 64);
  ASSERT_EQ(graphite_file_advise(&opened, 0, 0, GRAPHITE_ADVICE_DONT_NEED), GRAPHITE_SUCCESS);
  if (resident() == 64) GTEST_SKIP() << "this file system keeps its pages in memory";
  EXPECT_LT(resident(), 16);
}

TEST_F(c_file_changes, only_what_is_mapped_is_prefaulted) {
  folder.write("a", std::string(100'000, 'x'));
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_file_prefault(&opened, 0, 1), GRAPHITE_ERROR_INVALID_ARGUMENT) << "nothing is mapped";
  map(5'000, 50'000);
  for (const auto& [offset, size] : {std::pair{5'000u, 50'000u}, {5'001u, 1u}, {54'999u, 1u}, {20'000u, 0u}})
    EXPECT_EQ(graphite_file_prefault(&opened, offset, size), GRAPHITE_SUCCESS) << offset;
  for (const auto& [offset, size] : {std::pair{4'999u, 10u}, {54'999u, 2u}, {0u, 100'000u}, {55'000u, 1u}})
    EXPECT_EQ(graphite_file_prefault(&opened, offset, size), GRAPHITE_ERROR_INVALID_ARGUMENT) << offset;
  EXPECT_EQ(graphite_file_prefault(&opened, SIZE_MAX, 1), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_prefault(nullptr, 0, 1), GRAPHITE_ERROR_INVALID_ARGUMENT);
}

TEST_F(c_file_changes, prefaulting_a_file_that_was_cut_short_is_corrupt_and_no_signal) {
  folder.write("a", std::string(100'000, 'x'));
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  map(0, 100'000);
  std::filesystem::resize_file(folder / "a", 10'000);
  EXPECT_EQ(graphite_file_prefault(&opened, 0, 10'000), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_file_prefault(&opened, 0, 10'001), GRAPHITE_ERROR_CORRUPT);
  EXPECT_EQ(graphite_file_prefault(&opened, 50'000, 1), GRAPHITE_ERROR_CORRUPT);
  EXPECT_NE(std::string(graphite_last_error()).find("/a'"), std::string::npos) << graphite_last_error();
}

TEST_F(c_file_changes, the_cpp_owner_writes_syncs_replaces_advises_and_prefaults) {
  file made(folder / "a", read_and_write | GRAPHITE_FILE_CREATE);
  made.write("0123456789", 10, 0);
  made.sync();
  made.advise(GRAPHITE_ADVICE_SEQUENTIAL);
  EXPECT_EQ(made.map(2, 5), "23456");
  made.prefault(3, 4);
  EXPECT_THROW(made.prefault(0, 10), failure);
  file::replace(folder / "a", "new");
  EXPECT_EQ(folder.read("a"), "new");
  EXPECT_THROW(file::replace(folder / "none/a", "new"), failure);
  std::filesystem::resize_file(folder / "a", 1);
  file cut(folder / "a");
  std::filesystem::resize_file(folder / "a", 0);
  char byte;
  try {
    cut.read(&byte, 1, 0);
    ADD_FAILURE() << "it is missing";
  } catch (const failure& why) {
    EXPECT_EQ(why.code(), GRAPHITE_ERROR_CORRUPT);
  }
}

}  // namespace
}  // namespace graphite
