#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <thread>

#include "tests/bindings/c_files.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

using test::c_files;

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST_F(c_files, reads_what_is_there_from_anywhere) {
  folder.write("a", "0123456789");
  folder.link("a", "link");
  for (const auto name : {"a", "link"}) {
    ASSERT_EQ(open(name), GRAPHITE_SUCCESS);
    EXPECT_EQ(opened.path, folder / name);
    EXPECT_EQ(opened.size, 10u);
    EXPECT_FALSE(opened.is_memory_mapped);
    EXPECT_EQ(read(10, 0), "0123456789");
    EXPECT_EQ(read(3, 7), "789");
    EXPECT_EQ(read(100, 4), "456789") << "fewer at the end";
    EXPECT_EQ(read(5, 10), "");
    EXPECT_EQ(read(5, 1'000'000), "");
    EXPECT_EQ(read(0, 0), "");
  }
  char one = 0;
  EXPECT_EQ(graphite_file_read(&opened, &one, 1, 2, nullptr), GRAPHITE_SUCCESS);
  EXPECT_EQ(one, '2');
}

TEST_F(c_files, says_what_is_wrong_with_opening) {
  folder.write("a", "x");
  folder.make_folder("sub");
  const auto before = open_descriptors();
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(open("none"), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_NE(std::string(graphite_last_error()).find("none'"), std::string::npos);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_EQ(open("a/b"), GRAPHITE_ERROR_NOT_FOUND);
  for (const auto name : {"sub", "pipe"})
    for (const auto flags : {GRAPHITE_FILE_READ, GRAPHITE_FILE_WRITE})
      EXPECT_EQ(open(name, flags), GRAPHITE_ERROR_INVALID_ARGUMENT) << name << flags;
  EXPECT_EQ(open("sub", GRAPHITE_FILE_WRITE | GRAPHITE_FILE_CREATE), GRAPHITE_ERROR_INVALID_ARGUMENT);
  for (const uint32_t flags : {0u, 4u, 5u, 8u, 9u}) {
    opened.size = 7;
    EXPECT_EQ(open("a", flags), GRAPHITE_ERROR_INVALID_ARGUMENT) << flags;
    EXPECT_TRUE(is_zero());
  }
  EXPECT_EQ(graphite_file_open(&opened, nullptr, GRAPHITE_FILE_READ), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_open(nullptr, "a", GRAPHITE_FILE_READ), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_TRUE(is_zero());
  EXPECT_EQ(open_descriptors(), before) << "nothing stays open";
}

TEST_F(c_files, a_file_that_is_forbidden_is_permission_denied) {
  if (::geteuid() == 0) GTEST_SKIP() << "nothing is forbidden to root";
  folder.write("a", "x");
  ASSERT_EQ(::chmod((folder / "a").c_str(), 0), 0);
  EXPECT_EQ(open("a"), GRAPHITE_ERROR_PERMISSION_DENIED);
}

TEST_F(c_files, creates_what_is_missing_and_keeps_what_is_there) {
  EXPECT_EQ(open("new", GRAPHITE_FILE_WRITE), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_EQ(open("new", GRAPHITE_FILE_WRITE | GRAPHITE_FILE_CREATE), GRAPHITE_SUCCESS);
  EXPECT_EQ(opened.size, 0u);
  folder.write("old", "text");
  EXPECT_EQ(open("old", GRAPHITE_FILE_READ | GRAPHITE_FILE_WRITE | GRAPHITE_FILE_CREATE), GRAPHITE_SUCCESS);
  EXPECT_EQ(read(10, 0), "text");
}

TEST_F(c_files, what_was_not_opened_to_be_read_is_not_read) {
  folder.write("a", "x");
  ASSERT_EQ(open("a", GRAPHITE_FILE_WRITE), GRAPHITE_SUCCESS);
  char byte = 0;
  std::size_t got = 7;
  void* mapped = &byte;
  EXPECT_EQ(graphite_file_read(&opened, &byte, 1, 0, &got), GRAPHITE_ERROR_PERMISSION_DENIED);
  EXPECT_EQ(got, 0u);
  EXPECT_EQ(graphite_file_mmap(&opened, 0, 1, &mapped), GRAPHITE_ERROR_PERMISSION_DENIED);
  EXPECT_EQ(mapped, nullptr);
}

TEST_F(c_files, a_range_beyond_every_file_is_an_invalid_argument) {
  folder.write("a", "x");
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  char byte = 0;
  void* mapped = nullptr;
  constexpr auto largest = std::size_t{INT64_MAX};
  for (const auto& [size, offset] : {std::pair<std::size_t, std::size_t>{1, SIZE_MAX},
                                     {SIZE_MAX, 1},
                                     {1, largest},
                                     {largest, 1},
                                     {1, largest + 1}}) {
    EXPECT_EQ(graphite_file_read(&opened, &byte, size, offset, nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
    EXPECT_EQ(graphite_file_mmap(&opened, offset, size, &mapped), GRAPHITE_ERROR_INVALID_ARGUMENT);
  }
  EXPECT_EQ(graphite_file_read(&opened, nullptr, 1, 0, nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_read(&opened, nullptr, 0, 0, nullptr), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_file_read(nullptr, &byte, 1, 0, nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
}

TEST_F(c_files, closing_is_done_once) {
  folder.write("a", "x");
  const auto before = open_descriptors();
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  EXPECT_EQ(open_descriptors(), before + 1);
  EXPECT_EQ(graphite_file_close(&opened), GRAPHITE_SUCCESS);
  EXPECT_TRUE(is_zero());
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(graphite_file_close(&opened), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_file_close(nullptr), GRAPHITE_SUCCESS);
  char byte = 0;
  EXPECT_EQ(graphite_file_read(&opened, &byte, 1, 0, nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
}

TEST_F(c_files, a_child_that_runs_another_program_does_not_inherit_it) {
  folder.write("a", "x");
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  int found = 0;
  for (const auto& one : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(one, gone) != folder / "a") continue;
    ++found;
    EXPECT_NE(::fcntl(std::stoi(one.path().filename()), F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(found, 1);
}

TEST_F(c_files, a_file_that_was_cut_short_is_corrupt_where_bytes_are_missing) {
  folder.write("a", std::string(10'000, 'x'));
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  std::filesystem::resize_file(folder / "a", 100);
  EXPECT_EQ(opened.size, 10'000u) << "as it was opened";
  std::string out(20'000, '?');
  std::size_t got = 7;
  EXPECT_EQ(graphite_file_read(&opened, out.data(), 20'000, 0, &got), GRAPHITE_ERROR_CORRUPT);
  EXPECT_EQ(got, 100u);
  EXPECT_EQ(out.substr(0, 101), std::string(100, 'x') + '?');
  EXPECT_NE(std::string(graphite_last_error()).find("cut short"), std::string::npos);
  EXPECT_EQ(graphite_file_read(&opened, out.data(), 10, 5'000, &got), GRAPHITE_ERROR_CORRUPT);
  EXPECT_EQ(got, 0u);
  EXPECT_EQ(graphite_file_read(&opened, out.data(), 1, 9'999, nullptr), GRAPHITE_ERROR_CORRUPT);
  EXPECT_EQ(read(100, 0), std::string(100, 'x')) << "what is there";
  EXPECT_EQ(read(10, 10'000), "") << "was never there";
  EXPECT_EQ(read(0, 5'000), "");
  std::filesystem::remove(folder / "a");
  EXPECT_EQ(read(5, 95), "xxxxx") << "what is open stays";
}

TEST_F(c_files, a_file_that_grew_is_read_to_its_new_end) {
  folder.write("a", "0123");
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  std::ofstream(folder / "a", std::ios::app) << "4567";
  EXPECT_EQ(read(100, 2), "234567");
  std::filesystem::resize_file(folder / "a", 5);
  EXPECT_EQ(read(100, 2), "234") << "all that it had when it was opened";
}

TEST_F(c_files, a_file_of_the_system_that_states_more_than_it_has_is_no_error) {
  const char* const path = "/sys/kernel/mm/transparent_hugepage/enabled";
  if (graphite_file_open(&opened, path, GRAPHITE_FILE_READ) != GRAPHITE_SUCCESS)
    GTEST_SKIP() << "there is no " << path;
  const auto text = read(opened.size, 0);
  EXPECT_FALSE(text.empty());
  EXPECT_LT(text.size(), opened.size);
}

TEST_F(c_files, a_file_that_is_cut_while_it_is_read_raises_no_signal) {
  constexpr std::size_t size = 1 << 20;
  folder.write("a", std::string(size, 'x'));
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  std::atomic<bool> done{false};
  std::thread cutter([&] {
    while (!done.load())
      for (const auto length : {size, size / 2, std::size_t{0}})
        std::filesystem::resize_file(folder / "a", length);
  });
  std::string buffer(size, '\0');
  for (int i = 0; i < 500; ++i) {
    std::size_t got = 0;
    const auto result = graphite_file_read(&opened, buffer.data(), size, 0, &got);
    ASSERT_TRUE(result == GRAPHITE_SUCCESS || result == GRAPHITE_ERROR_CORRUPT) << result;
    ASSERT_LE(got, size);
  }
  done.store(true);
  cutter.join();
}

TEST_F(c_files, a_buffer_that_is_no_memory_is_an_invalid_argument_and_no_signal) {
  folder.write("a", std::string(8'192, 'x'));
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  void* const memory = ::mmap(nullptr, 8'192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_EQ(::mprotect(static_cast<char*>(memory) + 4'096, 4'096, PROT_READ), 0);
  std::size_t got = 0;
  EXPECT_EQ(graphite_file_read(&opened, memory, 8'192, 0, &got), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(got, 4'096u) << "what there was room for";
  ::munmap(memory, 8'192);
}

TEST_F(c_files, several_threads_read_one_file) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + ' ';
  folder.write("a", text);
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t at = t * 7; at + 5'000 < text.size(); at += 4'999)
        if (read(5'000, at) != text.substr(at, 5'000)) wrong.fetch_add(1);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(c_files, maps_from_any_offset) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += std::to_string(i) + ' ';
  folder.write("a", text);
  for (const std::size_t offset : {0u, 1u, 4095u, 4096u, 4097u, 10'000u}) {
    ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
    void* mapped = nullptr;
    const auto size = text.size() - offset;
    ASSERT_EQ(graphite_file_mmap(&opened, offset, size, &mapped), GRAPHITE_SUCCESS);
    EXPECT_EQ(std::string_view(static_cast<const char*>(mapped), size), text.substr(offset));
    EXPECT_TRUE(opened.is_memory_mapped);
    EXPECT_EQ(opened.mapped_memory, mapped);
    EXPECT_EQ(opened.mapped_size, size);
    void* again = &text;
    EXPECT_EQ(graphite_file_mmap(&opened, 0, 1, &again), GRAPHITE_ERROR_ALREADY_EXISTS);
    EXPECT_EQ(again, nullptr);
    EXPECT_EQ(opened.mapped_memory, mapped) << "the first one stays";
    EXPECT_EQ(read(3, 0), "0 1");
  }
}

TEST_F(c_files, a_mapping_is_shared_and_read_only_and_goes_with_the_file) {
  folder.write("a", std::string(8'192, 'x'));
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  void* mapped = nullptr;
  ASSERT_EQ(graphite_file_mmap(&opened, 4'000, 200, &mapped), GRAPHITE_SUCCESS);
  std::fstream(folder / "a", std::ios::in | std::ios::out | std::ios::binary).seekp(4'100).put('y');
  EXPECT_EQ(static_cast<const volatile char*>(mapped)[100], 'y');
  const auto protection = [&] {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
      if (line.ends_with(folder / "a")) return line.substr(line.find(' ') + 1, 4);
    return std::string("none");
  };
  EXPECT_EQ(protection(), "r--s");
  graphite_file_close(&opened);
  EXPECT_EQ(protection(), "none");
}

TEST_F(c_files, nothing_is_mapped_beyond_the_end) {
  folder.write("a", std::string(100, 'x'));
  folder.write("empty", "");
  ASSERT_EQ(open("a"), GRAPHITE_SUCCESS);
  void* mapped = nullptr;
  for (const auto& [offset, size] : {std::pair{0u, 101u}, {100u, 1u}, {4'096u, 1u}, {50u, 51u}, {0u, 0u}})
    EXPECT_EQ(graphite_file_mmap(&opened, offset, size, &mapped), GRAPHITE_ERROR_INVALID_ARGUMENT) << offset;
  EXPECT_EQ(graphite_file_mmap(&opened, 0, 1, nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_file_mmap(nullptr, 0, 1, &mapped), GRAPHITE_ERROR_INVALID_ARGUMENT);
  std::filesystem::resize_file(folder / "a", 50);
  EXPECT_EQ(graphite_file_mmap(&opened, 0, 100, &mapped), GRAPHITE_ERROR_INVALID_ARGUMENT) << "as it is now";
  EXPECT_FALSE(opened.is_memory_mapped);
  std::filesystem::resize_file(folder / "a", 200);
  EXPECT_EQ(graphite_file_mmap(&opened, 0, 200, &mapped), GRAPHITE_SUCCESS);
  ASSERT_EQ(open("empty"), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_file_mmap(&opened, 0, 1, &mapped), GRAPHITE_ERROR_INVALID_ARGUMENT);
}

TEST_F(c_files, reads_and_maps_beyond_four_gibibytes) {
  constexpr std::size_t far = (std::size_t{4} << 30) + 123;
  folder.write("big", "");
  std::filesystem::resize_file(folder / "big", far + 5'000);
  std::fstream(folder / "big", std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(far))
      .write("here", 4);
  ASSERT_EQ(open("big"), GRAPHITE_SUCCESS);
  EXPECT_EQ(opened.size, far + 5'000);
  EXPECT_EQ(read(6, far - 1), std::string("\0here\0", 6));
  EXPECT_EQ(read(100, far + 4'990).size(), 10u);
  void* mapped = nullptr;
  ASSERT_EQ(graphite_file_mmap(&opened, far, 4, &mapped), GRAPHITE_SUCCESS);
  EXPECT_EQ(std::string_view(static_cast<const char*>(mapped), 4), "here");
}

TEST_F(c_files, opening_waits_for_a_lease_and_is_no_error) {
  folder.write("a", "x");
  const int holder = ::open((folder / "a").c_str(), O_RDONLY | O_CLOEXEC);
  ::fcntl(holder, F_SETSIG, SIGURG);
  if (::fcntl(holder, F_SETLEASE, F_RDLCK) != 0) GTEST_SKIP() << "no leases on this file system";
  graphite_result result = GRAPHITE_ERROR_IO;
  std::thread writer([&] { result = open("a", GRAPHITE_FILE_WRITE); });
  EXPECT_TRUE(test::wait_until([&] { return ::fcntl(holder, F_GETLEASE) == F_UNLCK; }))
      << "asked to give it up";
  ::fcntl(holder, F_SETLEASE, F_UNLCK);
  writer.join();
  EXPECT_EQ(result, GRAPHITE_SUCCESS);
  ::close(holder);
}

TEST_F(c_files, the_cpp_owner_closes_moves_and_throws) {
  folder.write("a", "0123456789");
  const auto before = open_descriptors();
  {
    file first(folder / "a");
    const auto mapped = first.map(3, 4);
    file second(std::move(first));
    file third;
    third = std::move(second);
    EXPECT_EQ(mapped, "3456");
    std::string text(4, '?');
    EXPECT_EQ(third.read(text.data(), 4, 8), 2u);
    EXPECT_EQ(text, "89??");
    EXPECT_EQ(third.get().size, 10u);
    EXPECT_THROW(third.map(0, 1), failure);
    third.close();
    EXPECT_THROW(third.read(text.data(), 1, 0), failure);
    third = file(folder / "a");
  }
  EXPECT_EQ(open_descriptors(), before);
  try {
    const file none(folder / "none");
    ADD_FAILURE() << "it is not there";
  } catch (const failure& why) {
    EXPECT_EQ(why.code(), GRAPHITE_ERROR_NOT_FOUND);
  }
}

}  // namespace
}  // namespace graphite
