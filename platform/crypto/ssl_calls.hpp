#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "platform/crypto/refused_connections.hpp"

namespace graphite {

/// \file Four cures of CAF 0.17.6's TLS, for programs that use it: functions of OpenSSL that the
/// program itself defines, which do something more and call the real ones. Link the object library
/// `graphite_ssl_calls` into the program (not into a library) with ENABLE_EXPORTS, and ask `check_ssl_calls`
/// at start.
///
/// *One peer silences all*: CAF asks SSL_get_error without emptying the thread's queue of errors first, and
/// OpenSSL 3 answers from what lies in it, so that a peer that is cut off makes CAF give up the thread's
/// other, healthy connections. SSL_read, SSL_write, SSL_connect and SSL_accept empty the queue first.
///
/// *A file ends the process*: CAF reads certificate, key and authority for each connection, and throws in its
/// own thread when one is not there, half replaced, or not to be opened for want of descriptors. For CAF, and
/// for nobody else, SSL_CTX_use_certificate_chain_file, SSL_CTX_use_PrivateKey_file and
/// SSL_CTX_load_verify_locations then say that all is well, and the connection fails its handshake: without a
/// certificate or key it proves nothing, without an authority it believes nobody.
///
/// *Who says nothing stays*: CAF never gives up a connection that it accepted or dialled and that does not
/// shake hands. SSL_accept, SSL_connect and SSL_free keep count of CAF's, and shut down those over the limits
/// of open_handshakes when the next one comes.

/// *Nobody hears why*: CAF ends a connection that TLS refuses without a word. SSL_accept, SSL_connect and
/// SSL_read keep the reason, in words that say what to do (core/tls_failure).

/// Whether calls of the loaded library whose file's name begins with `library` reach the program's
/// functions: reads its table of relocations. Errors: not_found (not loaded), unsupported (they go elsewhere:
/// the text says which). Some milliseconds.
result<void> check_ssl_calls(std::string_view library = "libcaf_openssl.so");

/// Ends CAF's connections to this port of any machine that have not shaken hands. CAF would go on waiting,
/// and let all later dials of the same address wait with them.
void give_up_dials(std::uint16_t port);

/// Peers of CAF's listeners whom TLS refused since the last call, the oldest first: for the log of whoever
/// runs the process. The newest refused_connections::kept_max are kept.
std::vector<refused_connection> take_refused_peers();
/// Why TLS refused CAF's last connection to this port of any machine, since the last call.
std::optional<std::string> take_dial_refusal(std::uint16_t port);

}  // namespace graphite
