#include "gateway/listen_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <optional>

namespace graphite {

namespace {

struct socket_address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&bytes); }
};

std::optional<socket_address> numeric(const listen_address& at) {
  socket_address out;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&out.bytes);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&out.bytes);
  if (::inet_pton(AF_INET, at.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(at.port);
    out.size = sizeof *v4;
    return out;
  }
  if (::inet_pton(AF_INET6, at.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(at.port);
    out.size = sizeof *v6;
    return out;
  }
  return {};
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  std::uint16_t out = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, out);
  if (problem != std::errc() || stopped != end) return {};
  return out;
}

std::uint16_t bound_port(int fd) {
  socket_address at;
  at.size = sizeof at.bytes;
  if (::getsockname(fd, at.get(), &at.size) != 0) return 0;
  return ntohs(at.bytes.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&at.bytes)->sin6_port
                                              : reinterpret_cast<const sockaddr_in*>(&at.bytes)->sin_port);
}

}  // namespace

result<listen_address> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto port = colon == text.npos ? std::nullopt : port_number(text.substr(colon + 1));
  if (!port) return fail(errc::invalid_argument, fmt::format("'{}' is not of the form ADDRESS:PORT", text));
  auto host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  listen_address out{std::string(host == "localhost" ? "127.0.0.1" : host), *port};
  if (!numeric(out) || brackets != (out.host.find(':') != std::string::npos))
    return fail(errc::invalid_argument,
                fmt::format("'{}' is no numeric address of this machine, such as 127.0.0.1 or [::1]", host));
  return out;
}

std::string to_string(const listen_address& what) {
  return what.host.find(':') == std::string::npos ? fmt::format("{}:{}", what.host, what.port)
                                                  : fmt::format("[{}]:{}", what.host, what.port);
}

bool is_loopback_host(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

result<tcp_listener> listen_tcp(const listen_address& at, int backlog) {
  const auto address = numeric(at);
  if (!address) return fail(errc::invalid_argument, at.host + " is no numeric address");
  owned_fd fd(::socket(address->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return fail_errno(errno, "socket");
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(fd.get(), address->get(), address->size) != 0 || ::listen(fd.get(), backlog) != 0) {
    if (errno == EADDRINUSE)
      return fail(errc::already_exists,
                  fmt::format("{} is taken: stop who listens there or name another port", to_string(at)));
    return fail_errno(errno, "cannot listen on " + to_string(at));
  }
  const auto port = bound_port(fd.get());
  return tcp_listener{std::move(fd), {at.host, port}};
}

}  // namespace graphite
