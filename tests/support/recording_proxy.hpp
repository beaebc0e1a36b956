#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "gateway/listen_address.hpp"
#include "tests/support/raw_client.hpp"

namespace graphite::test {

/// Stands between one client and a port of this machine: keeps what the client sends, and can change it.
class recording_proxy {
 public:
  explicit recording_proxy(const std::string& to)
      : to_(to), listener_(listen_tcp({"127.0.0.1", 0}, 1).value()), thread_([this] { relay(); }) {}
  ~recording_proxy() {
    ended_ = true;
    thread_.join();
  }

  std::string address() const { return to_string(listener_.at); }
  std::string sent_by_client() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }
  void damage_from_now_on() { damages_ = true; }

 private:
  static constexpr int tick_ms = 20;

  void relay() {
    pollfd arrives{listener_.fd.get(), POLLIN, 0};
    while (!ended_ && ::poll(&arrives, 1, tick_ms) == 0) continue;
    if (ended_) return;
    const owned_fd client(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    raw_client service(to_);
    pollfd both[] = {{client.get(), POLLIN, 0}, {service.fd(), POLLIN, 0}};
    while (!ended_) {
      if (::poll(both, 2, tick_ms) <= 0) continue;
      if (both[0].revents != 0 && !pass(client.get(), service.fd(), true)) return;
      if (both[1].revents != 0 && !pass(service.fd(), client.get(), false)) return;
    }
  }

  bool pass(int from, int to, bool of_client) {
    char buffer[16'384];
    const auto size = ::recv(from, buffer, sizeof buffer, 0);
    if (size <= 0) return false;
    if (of_client) {
      if (damages_) buffer[size / 2] = static_cast<char>(buffer[size / 2] ^ 1);
      const std::lock_guard lock(mutex_);
      sent_.append(buffer, static_cast<std::size_t>(size));
    }
    return ::send(to, buffer, static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
  }

  const std::string to_;
  tcp_listener listener_;
  std::atomic<bool> ended_{false}, damages_{false};
  mutable std::mutex mutex_;
  std::string sent_;
  std::thread thread_;
};

}  // namespace graphite::test
