#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <sstream>

#include "cli/doctor/look.hpp"
#include "cli/doctor/open_files.hpp"
#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite::doctor {

namespace {

/// What listening on the loopback gave: 0, or an errno.
int try_port(std::uint16_t port) {
  const owned_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  ::sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd.get(), reinterpret_cast<const ::sockaddr*>(&at), sizeof at) != 0) return errno;
  return ::listen(fd.get(), 1) == 0 ? 0 : errno;
}

/// Ports by the name of the socket that listens there, as /proc/N/fd shows it.
std::map<std::string, std::uint16_t> listening_sockets() {
  constexpr unsigned listening = 0x0a;
  std::map<std::string, std::uint16_t> out;
  for (const char* file : {"/proc/self/net/tcp", "/proc/self/net/tcp6"}) {
    std::istringstream lines(kernel_text(file));
    for (std::string line; std::getline(lines, line);) {
      unsigned port = 0, state = 0;
      unsigned long inode = 0;
      if (std::sscanf(line.c_str(), " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu",
                      &port, &state, &inode) == 3 &&
          state == listening)
        out.emplace(fmt::format("socket:[{}]", inode), static_cast<std::uint16_t>(port));
    }
  }
  return out;
}

}  // namespace

std::vector<port_facts> look_at_ports() {
  std::vector<port_facts> out;
  bool some_taken = false;
  for (std::uint16_t port = first_port; port <= last_port; ++port) {
    auto& facts = out.emplace_back(port_facts{.port = port});
    const int failure = try_port(port);
    facts.taken = failure == EADDRINUSE;
    some_taken = some_taken || facts.taken;
    if (failure != 0 && !facts.taken) facts.refused = errno_error(failure, "listen").context;
  }
  if (!some_taken) return out;
  const auto sockets = listening_sockets();
  for_each_open_file([&](const seen_file& seen) {
    const auto found = sockets.find(seen.what);
    if (found == sockets.end()) return;
    for (auto& facts : out)
      if (facts.taken && facts.port == found->second) {
        facts.program = seen.program;
        facts.process = seen.process;
      }
  });
  return out;
}

}  // namespace graphite::doctor
