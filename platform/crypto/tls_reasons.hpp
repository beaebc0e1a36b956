#pragma once

#include <functional>

namespace graphite {

/// Calls `make`. The contexts of TLS that it makes in this thread then say in OpenSSL's queue of errors why a
/// peer's certificate does not count (the words of X509_verify_cert_error_string), beside "certificate verify
/// failed", which is all that OpenSSL says there.
///
/// For libraries that give out the texts of that queue and neither the context nor the connection: kj-tls
/// 0.9.2. Made of OpenSSL's public interface alone: it tells of each context that is made. Thread-safe; what
/// `make` throws passes through.
void with_tls_reasons(const std::function<void()>& make);

}  // namespace graphite
