#pragma once

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <string>

namespace graphite {

/// "ADDRESS:PORT", an address of IPv6 in brackets; empty where it is neither.
inline std::string address_text(const sockaddr_storage& at, socklen_t size) {
  char host[NI_MAXHOST] = {}, port[NI_MAXSERV] = {};
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&at), size, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {};
  return at.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace graphite
