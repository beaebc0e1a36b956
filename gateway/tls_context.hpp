#pragma once

#include <kj/compat/tls.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "gateway/network_options.hpp"

namespace graphite {

/// What every TLS server of ours is called in its certificate, whatever its address.
inline constexpr const char* service_tls_name = "graphite-server";

/// TLS 1.3 alone, with our own authorities alone. For one event loop's thread.
///
/// kj 0.9.2 can ask for TLS 1.2 or later and no more. The one cipher that is left for 1.2 needs a key that
/// was agreed upon before, and there is none: no older version can be agreed upon.
result<kj::Own<kj::TlsContext>> make_tls_server(const tls_identity& keys, bool ask_for_certificate);
result<kj::Own<kj::TlsContext>> make_tls_client(const tls_identity& keys);

/// What the library says of a handshake or a connection that failed, in words that say what to do; nothing
/// for what is no failure of TLS. Of the two sides, "it" is the other.
std::optional<std::string> tls_failure_text(std::string_view library_text);

}  // namespace graphite
