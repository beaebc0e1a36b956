#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace graphite {

/// What OpenSSL says of a handshake or a connection that failed, in words that say what to do; nothing for
/// what is no failure of TLS. Of the two sides, "it" is the other. Pure.
std::optional<std::string> tls_failure_text(std::string_view library_text);

}  // namespace graphite
