#pragma once

#include <kj/compat/tls.h>

#include <memory>

#include "core/error.hpp"
#include "core/tls_failure.hpp"
#include "gateway/network_options.hpp"

namespace graphite {

/// What every TLS server of ours is called in its certificate, whatever its address.
inline constexpr const char* service_tls_name = "graphite-server";

/// TLS 1.3 alone, with our own authorities alone. For one event loop's thread.
///
/// kj 0.9.2 can ask for TLS 1.2 or later and no more. The one cipher that is left for 1.2 needs a key that
/// was agreed upon before, and there is none: no older version can be agreed upon.
/// A server's failures say why a certificate does not count, which kj does not tell by itself
/// (with_tls_reasons).
result<kj::Own<kj::TlsContext>> make_tls_server(const tls_identity& keys, bool ask_for_certificate);
result<kj::Own<kj::TlsContext>> make_tls_client(const tls_identity& keys);

}  // namespace graphite
