#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/linux/owned_fd.hpp"

namespace graphite::test {

/// A TCP connection to a port of this machine that says what no client of ours would. Blocking, one thread.
class raw_client {
 public:
  explicit raw_client(const std::string& address) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    const auto colon = address.rfind(':');
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }

  bool connected() const { return connected_; }
  /// False once the other side has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// What comes until the other side closes; nothing for half a minute fails the test.
  std::string read_to_end() {
    std::string out;
    char buffer[4096];
    while (true) {
      pollfd wait{fd_.get(), POLLIN, 0};
      if (::poll(&wait, 1, 30'000) != 1) {
        ADD_FAILURE() << "the service keeps the connection open";
        return out;
      }
      const auto size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (size <= 0) return out;
      out.append(buffer, static_cast<std::size_t>(size));
    }
  }
  int fd() const { return fd_.get(); }

 private:
  owned_fd fd_;
  bool connected_ = false;
};

}  // namespace graphite::test
