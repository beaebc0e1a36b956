#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "tests/bindings/opened_project.hpp"

// Every sync of this process, whoever asks for it: the libraries find these before the C library's.

namespace {

std::atomic<bool> metadata_fails = false, segments_fail = false;

bool is_below(int file, const char* folder) {
  char link[64], path[4096] = "";
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  return ::readlink(link, path, sizeof path - 1) > 0 && std::strstr(path, folder) != nullptr;
}

bool fails(int file) {
  return (metadata_fails && is_below(file, "/.graphite/db/")) ||
         (segments_fail && is_below(file, "/.graphite/segments/"));
}

int synced(int file, long number) {
  if (!fails(file)) return static_cast<int>(::syscall(number, file));
  errno = EIO;
  return -1;
}

}  // namespace

extern "C" int fdatasync(int file) { return synced(file, SYS_fdatasync); }
extern "C" int fsync(int file) { return synced(file, SYS_fsync); }

namespace graphite::test {
namespace {

class build_failed_sync : public ::testing::TestWithParam<std::atomic<bool>*> {
 protected:
  void TearDown() override { *GetParam() = false; }
};

TEST_P(build_failed_sync, ends_the_context_and_not_the_process) {
  opened_project project(joining_project, {{"a.txt", "A"}, {"x.inc", std::string(100'000, 'x')}});
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  *GetParam() = true;
  project.folder.write("x.inc", std::string(100'000, 'y'));
  EXPECT_EQ(project.build(), GRAPHITE_ERROR_IO) << last_error();
  *GetParam() = false;
  bool stale = false;
  EXPECT_EQ(graphite_asset_needs_rebuild(project.context, "a.out", &stale), GRAPHITE_ERROR_IO);
  EXPECT_TRUE(said_last("close the project and open it again")) << last_error();
  EXPECT_EQ(project.process(), GRAPHITE_ERROR_IO);
  EXPECT_EQ(graphite_rebuild_watch(project.context, nullptr), GRAPHITE_ERROR_IO);
  project.close();
  ASSERT_EQ(project.open(), GRAPHITE_SUCCESS) << last_error();
  ASSERT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("x.inc"), std::string(100'000, 'y'));
  EXPECT_EQ(project.shown("a.out"), "A" + std::string(100'000, 'y'));
}

INSTANTIATE_TEST_SUITE_P(of, build_failed_sync, ::testing::Values(&metadata_fails, &segments_fail));

}  // namespace
}  // namespace graphite::test
