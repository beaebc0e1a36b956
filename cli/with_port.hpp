#pragma once

#include <string>
#include <string_view>

namespace graphite {

/// "HOST" with this port, where it names none; "[::1]" is an IPv6 address without one.
inline std::string with_port(const std::string& at, std::string_view port) {
  const auto after_host = at.starts_with('[') ? at.find(']') : 0;
  if (at.empty() || after_host == std::string::npos || at.find(':', after_host) != std::string::npos)
    return at;
  return at + ":" + std::string(port);
}

}  // namespace graphite
