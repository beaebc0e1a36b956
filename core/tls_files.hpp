#pragma once

#include <string>

#include "core/error.hpp"

namespace graphite {

/// What one side of a TLS connection shows and trusts, as paths of PEM files.
struct tls_files {
  std::string certificate;  ///< its own first, then what the authority's chain needs
  std::string key;          ///< the secret key of the first certificate; mode 0600
  std::string authority;    ///< who signs the peers' certificates, and nobody else's

  /// Whether each is named. Errors: invalid_argument, with the names of the missing ones and what makes them.
  result<void> all_named() const {
    std::string missing;
    const auto need = [&missing](const std::string& path, const char* name) {
      if (path.empty()) missing += (missing.empty() ? "" : ", ") + std::string(name);
    };
    need(certificate, "certificate");
    need(key, "key");
    need(authority, "authority");
    if (missing.empty()) return {};
    return fail(errc::invalid_argument, "TLS without " + missing +
                                            ": name the files that 'graphite keygen DIR' makes; there is no "
                                            "connection without them");
  }
};

}  // namespace graphite
