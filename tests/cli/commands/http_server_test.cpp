#include "cli/http_server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace graphite {
namespace {

http_sources fake_sources(bool ready = true) {
  return {[] { return std::string("a_total 1\n"); }, [ready] { return ready; },
          []() -> result<std::string> { return R"({"event":"status"})"; }};
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval limit{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
}

std::string answer_to(std::uint16_t port, const std::string& request) {
  const int fd = connect_to(port);
  std::string out;
  char buffer[4096];
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  for (ssize_t size; (size = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
    out.append(buffer, static_cast<std::size_t>(size));
  ::close(fd);
  return out;
}

std::string get(std::uint16_t port, const std::string& path, const std::string& host = "127.0.0.1:7404") {
  return answer_to(port, "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
}

http_server_options any_port() {
  http_server_options out;
  out.port = 0;
  return out;
}

TEST(http_server, every_page_is_served) {
  const auto server = http_server::start(fake_sources(), any_port());
  ASSERT_TRUE(server) << server.error().context;
  const auto port = (*server)->port();
  EXPECT_NE(get(port, "/metrics").find("a_total 1\n"), std::string::npos);
  EXPECT_NE(get(port, "/healthz").find("200 OK"), std::string::npos);
  EXPECT_NE(get(port, "/readyz").find("200 OK"), std::string::npos);
  EXPECT_NE(get(port, "/status").find(R"({"event":"status"})"), std::string::npos);
  EXPECT_NE(get(port, "/secret").find("404"), std::string::npos);
}

TEST(http_server, not_ready_is_503) {
  const auto server = http_server::start(fake_sources(false), any_port());
  EXPECT_NE(get((*server)->port(), "/readyz").find("503"), std::string::npos);
}

TEST(http_server, a_taken_port_gives_another_or_an_error) {
  const auto first = http_server::start(fake_sources(), any_port());
  http_server_options options;
  options.port = (*first)->port();
  const auto second = http_server::start(fake_sources(), options);
  ASSERT_TRUE(second) << second.error().context;
  EXPECT_NE((*second)->port(), (*first)->port());
  options.any_port_if_taken = false;
  EXPECT_EQ(http_server::start(fake_sources(), options).error().code, errc::already_exists);
}

TEST(http_server, only_loopback_is_listened_on) {
  auto options = any_port();
  options.address = "0.0.0.0";
  EXPECT_EQ(http_server::start(fake_sources(), options).error().code, errc::permission_denied);
}

TEST(http_server, another_host_name_is_refused) {
  const auto server = http_server::start(fake_sources(), any_port());
  EXPECT_NE(get((*server)->port(), "/status", "evil.example").find("403"), std::string::npos);
  EXPECT_NE(get((*server)->port(), "/status", "localhost:7404").find("200 OK"), std::string::npos);
}

TEST(http_server, garbage_and_idle_connections_keep_nobody_out) {
  auto options = any_port();
  options.timeout_seconds = 1;
  const auto server = http_server::start(fake_sources(), options);
  std::vector<int> idle;
  for (int i = 0; i < 4; ++i) idle.push_back(connect_to((*server)->port()));
  answer_to((*server)->port(), std::string(100'000, '\xff'));
  EXPECT_NE(get((*server)->port(), "/healthz").find("200 OK"), std::string::npos);
  for (const int fd : idle) ::close(fd);
}

TEST(http_server, it_ends_while_a_client_is_connected) {
  auto options = any_port();
  options.timeout_seconds = 1;
  auto server = http_server::start(fake_sources(), options);
  const int fd = connect_to((*server)->port());
  server->reset();
  ::close(fd);
}

}  // namespace
}  // namespace graphite
