#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/secret.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace graphite {

/// Makes a context of OpenSSL one of a server that speaks TLS 1.3 alone and lets in only whom `authority`
/// gave a client's certificate. All texts are PEM. Sessions are not resumed: each shows its certificate.
/// Errors: corrupt (a text that cannot be read, a key of another certificate), io.
result<void> configure_tls_server(ssl_ctx_st& context, std::string_view certificate, const secret_bytes& key,
                                  std::string_view authority);

/// The common name of the other side's certificate, which was verified; empty: none was shown.
std::string peer_common_name(const ssl_st& connection);

}  // namespace graphite
