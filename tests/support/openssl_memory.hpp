#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <memory>
#include <string_view>

#include "core/digest.hpp"
#include "core/secret.hpp"

namespace graphite::test {

/// A client's context of TLS that believes everybody and shows this certificate (PEM); empty: none.
inline std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> client_context(std::string_view certificate,
                                                                   const secret_bytes& key) {
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> out(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (certificate.empty()) return out;
  const auto memory = [](std::string_view text) {
    return std::unique_ptr<BIO, int (*)(BIO*)>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                               BIO_free);
  };
  const std::unique_ptr<X509, void (*)(X509*)> own(
      PEM_read_bio_X509(memory(certificate).get(), nullptr, nullptr, nullptr), X509_free);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> secret(
      PEM_read_bio_PrivateKey(memory(as_text(key.view())).get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
  SSL_CTX_use_certificate(out.get(), own.get());
  SSL_CTX_use_PrivateKey(out.get(), secret.get());
  return out;
}

}  // namespace graphite::test
