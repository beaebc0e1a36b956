#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>

#include "core/error.hpp"

namespace graphite {

struct openssl_free {
  void operator()(EVP_PKEY* it) const { EVP_PKEY_free(it); }
  void operator()(EVP_MD_CTX* it) const { EVP_MD_CTX_free(it); }
  void operator()(X509* it) const { X509_free(it); }
  void operator()(X509_EXTENSION* it) const { X509_EXTENSION_free(it); }
  void operator()(BIO* it) const { BIO_free(it); }
};
template <class T>
using openssl_owned = std::unique_ptr<T, openssl_free>;

/// The library's own reason. Empties its queue of errors, which others would read as theirs.
tl::unexpected<error> openssl_refused(const char* what);

}  // namespace graphite
