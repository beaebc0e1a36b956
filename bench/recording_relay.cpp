#include "bench/recording_relay.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/child.hpp"

namespace graphite::bench {

namespace {

constexpr int tick_ms = 20;

tcp_listener listener_here() {
  auto made = listen_tcp({"127.0.0.1", 0}, 1);
  if (!made) give_up(made.error().context);
  return std::move(*made);
}

void make_blocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK); }

}  // namespace

int begin_connecting(const std::string& to) {
  const auto colon = to.rfind(':');
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(to.substr(colon + 1))));
  ::inet_pton(AF_INET, to.substr(0, colon).c_str(), &at.sin_addr);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 || errno == EINPROGRESS)
    return fd;
  ::close(fd);
  return -1;
}

recording_relay::recording_relay(std::string to)
    : to_(std::move(to)), listener_(listener_here()), thread_([this] { relay(); }) {}

recording_relay::~recording_relay() {
  ended_ = true;
  thread_.join();
}

recorded_session recording_relay::recorded() const {
  const std::lock_guard lock(mutex_);
  return session_;
}

void recording_relay::relay() {
  pollfd arrives{listener_.fd.get(), POLLIN, 0};
  while (!ended_ && ::poll(&arrives, 1, tick_ms) == 0) continue;
  if (ended_) return;
  const owned_fd client(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const owned_fd service(begin_connecting(to_));
  pollfd connects{service.get(), POLLOUT, 0};
  ::poll(&connects, 1, 1'000);
  make_blocking(service.get());
  pollfd both[] = {{client.get(), POLLIN, 0}, {service.get(), POLLIN, 0}};
  while (!ended_) {
    if (::poll(both, 2, tick_ms) <= 0) continue;
    if (both[0].revents != 0 && !pass(client.get(), service.get(), true)) return;
    if (both[1].revents != 0 && !pass(service.get(), client.get(), false)) return;
  }
}

bool recording_relay::pass(int from, int to, bool of_client) {
  char buffer[16'384];
  const auto size = ::recv(from, buffer, sizeof buffer, 0);
  if (size <= 0) return false;
  {
    const std::lock_guard lock(mutex_);
    if (of_client) {
      if (times_spoken_ == 0 || answered_) ++times_spoken_;
      session_.sent.append(buffer, static_cast<std::size_t>(size));
    } else {
      answered_ = true;
      session_.heard_bytes += static_cast<std::size_t>(size);
      if (session_.heard.size() < heard_bytes_kept_max)
        session_.heard.append(buffer, static_cast<std::size_t>(size));
      if (times_spoken_ < 2) session_.greeting_bytes += static_cast<std::size_t>(size);
    }
  }
  return ::send(to, buffer, static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
}

}  // namespace graphite::bench
