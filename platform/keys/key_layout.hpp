#pragma once

#include <string>
#include <string_view>

/// \file Names in a folder of keys: who has which part. Each part can be copied out alone.

namespace graphite::key_layout {

/// Offline: whoever has it can make everything else.
inline constexpr std::string_view root = "root";
/// Of processes that listen: signs channels, answers TLS and CURVE.
inline constexpr std::string_view publisher = "publisher";
/// Each with a folder for each name.
inline constexpr std::string_view runtimes = "runtimes", clients = "clients", operators = "operators",
                                  nodes = "nodes";

inline constexpr std::string_view root_secret = "root.key", root_pins = "root.pub", issued = "register";
/// A folder: what was done with the root (platform/audit).
inline constexpr std::string_view audit = "audit";
inline constexpr std::string_view channels = "channels";
inline constexpr std::string_view curve_secret = "curve.key", server_pins = "server.pub";
inline constexpr std::string_view tickets = "tickets", vouchers = "vouchers", revocations = "revocations",
                                  token = "token", role_secret = "role.key";
/// Rewritten after each change of the publisher's part: what a running process looks at.
inline constexpr std::string_view version = "version";

/// The three authorities; `NAME-ca.crt` and `NAME-ca.key`, servers' parts `NAME.crt` and `NAME.key`.
inline constexpr std::string_view authorities[] = {"control", "clients", "operators"};

inline std::string join(std::string_view folder, std::string_view name) {
  return std::string(folder) + '/' + std::string(name);
}

}  // namespace graphite::key_layout
