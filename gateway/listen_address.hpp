#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// A numeric address of this machine and a port, as `--listen-…` options name them.
struct listen_address {
  std::string host;  ///< "127.0.0.1", "::1", "0.0.0.0"
  std::uint16_t port = 0;
};

/// Reads "HOST:PORT"; "[::1]:7400" for IPv6; "localhost" stands for 127.0.0.1. Errors: invalid_argument.
result<listen_address> parse_listen_address(std::string_view text);
std::string to_string(const listen_address& what);

/// 127.0.0.0/8 and ::1.
bool is_loopback_host(const std::string& host);

/// A listening TCP socket, non-blocking, and where: the port is filled in where 0 was asked for.
struct tcp_listener {
  owned_fd fd;
  listen_address at;
};
/// Errors: already_exists (the port is taken), permission_denied, invalid_argument (no address), io.
result<tcp_listener> listen_tcp(const listen_address& at, int backlog);

}  // namespace graphite
