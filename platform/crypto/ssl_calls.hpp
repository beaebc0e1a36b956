#pragma once

#include <string_view>

#include "core/error.hpp"

namespace graphite {

/// \file For programs that talk TLS through a library which asks SSL_get_error without emptying the thread's
/// queue of errors first, as CAF 0.17.6 does. OpenSSL 3 answers from what lies in the queue, so that a peer
/// that is cut off makes the library give up the thread's other, healthy connections.
///
/// The cure is four functions, SSL_read, SSL_write, SSL_connect and SSL_accept, that the program itself
/// defines: each empties the queue and calls the real one. Link the object library `graphite_ssl_calls` into
/// the program (not into a library) with ENABLE_EXPORTS, and ask `check_ssl_calls` at start.

/// Whether calls of the loaded library whose file's name begins with `library` reach the program's four
/// functions: reads its table of relocations. Errors: not_found (not loaded), unsupported (they go elsewhere:
/// the text says which). Some milliseconds.
result<void> check_ssl_calls(std::string_view library = "libcaf_openssl.so");

}  // namespace graphite
