#include "gateway/service_socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

TEST(service_socket, only_its_owner_can_reach_it) {
  test::temporary_folder folder;
  const std::string state = folder.path() + "/deep/.graphite";
  std::filesystem::create_directories(state);
  ::chmod(state.c_str(), 0755);
  auto listener = service_listener::open(state, 4);
  ASSERT_TRUE(listener) << listener.error().context;
  EXPECT_EQ(mode_of(state), 0700u);
  EXPECT_EQ(mode_of(state + "/sock"), 0600u);
  EXPECT_TRUE(connect_service(state));
}

TEST(service_socket, nobody_there_is_unavailable) {
  test::temporary_folder folder;
  EXPECT_EQ(connect_service(folder.path()).error().code, errc::unavailable);
  EXPECT_EQ(connect_service(folder.path() + "/missing").error().code, errc::unavailable);
  EXPECT_FALSE(service_locked(folder.path()));
}

TEST(service_socket, a_second_service_is_told_who_serves) {
  test::temporary_folder folder;
  auto first = service_listener::open(folder.path(), 4);
  ASSERT_TRUE(first);
  EXPECT_TRUE(service_locked(folder.path()));
  auto second = service_listener::open(folder.path(), 4);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::already_exists);
  EXPECT_NE(second.error().context.find(std::to_string(::getpid())), std::string::npos)
      << second.error().context;
  EXPECT_TRUE(connect_service(folder.path())) << "the loser must not remove the winner's socket";
}

TEST(service_socket, the_socket_of_a_dead_process_is_replaced) {
  test::temporary_folder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    auto listener = service_listener::open(folder.path(), 4);
    ::_exit(listener ? 0 : 1);  // no destructor: the socket file stays, as after kill -9
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(std::filesystem::exists(folder / "sock"));
  EXPECT_EQ(connect_service(folder.path()).error().code, errc::unavailable);
  auto listener = service_listener::open(folder.path(), 4);
  ASSERT_TRUE(listener) << listener.error().context;
  EXPECT_TRUE(connect_service(folder.path()));
}

TEST(service_socket, the_socket_goes_with_the_listener) {
  test::temporary_folder folder;
  { ASSERT_TRUE(service_listener::open(folder.path(), 4)); }
  EXPECT_FALSE(std::filesystem::exists(folder / "sock"));
  EXPECT_TRUE(service_listener::open(folder.path(), 4));
}

TEST(service_socket, a_path_longer_than_a_socket_address_works) {
  test::temporary_folder folder;
  std::string state = folder.path();
  while (state.size() < 3 * sizeof(sockaddr_un::sun_path)) state += "/a-folder-with-a-rather-long-name";
  auto listener = service_listener::open(state, 4);
  ASSERT_TRUE(listener) << listener.error().context;
  EXPECT_TRUE(connect_service(state));
}

TEST(service_socket, a_file_in_the_way_is_an_error) {
  test::temporary_folder folder;
  std::ofstream(folder / "state") << "not a folder";
  EXPECT_FALSE(service_listener::open(folder.path() + "/state", 4));
  EXPECT_EQ(connect_service(folder.path() + "/state").error().code, errc::unavailable);
}

TEST(service_socket, a_full_backlog_is_busy) {
  test::temporary_folder folder;
  auto listener = service_listener::open(folder.path(), 1);
  ASSERT_TRUE(listener);
  std::vector<owned_fd> waiting;
  for (int i = 0; i < 16; ++i) {
    auto fd = connect_service(folder.path());
    if (!fd) {
      EXPECT_EQ(fd.error().code, errc::busy);
      return;
    }
    waiting.push_back(std::move(*fd));
  }
  FAIL() << "the kernel queued more than the backlog allows";
}

}  // namespace
}  // namespace graphite
