#include "platform/crypto/tls_reasons.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace graphite {

namespace {

constexpr int reasons_max = 128;  ///< of X509_V_ERR_*, which end before 100 in OpenSSL 3

/// Our part of the numbers of errors, with OpenSSL's own words for why a certificate does not count.
int reason_library() {
  static const int out = [] {
    const int library = ERR_get_next_error_library();
    static std::array<ERR_STRING_DATA, reasons_max> texts{};  // kept by OpenSSL; ends with zeros
    for (int i = 1; i < reasons_max; ++i)
      texts[static_cast<std::size_t>(i - 1)] = {ERR_PACK(0, 0, i), X509_verify_cert_error_string(i)};
    ERR_load_strings(library, texts.data());
    return library;
  }();
  return out;
}

int give_reason(int good, X509_STORE_CTX* state) {
  if (good == 0) ERR_raise(reason_library(), X509_STORE_CTX_get_error(state));
  return good;
}

thread_local std::vector<SSL_CTX*>* being_made = nullptr;

void note_context(void* made, void*, CRYPTO_EX_DATA*, int, long, void*) {
  if (being_made != nullptr) being_made->push_back(static_cast<SSL_CTX*>(made));
}

/// What cannot be made whole is freed at once.
void forget_context(void* freed, void*, CRYPTO_EX_DATA*, int, long, void*) {
  if (being_made != nullptr) std::erase(*being_made, static_cast<SSL_CTX*>(freed));
}

/// Once a process: OpenSSL calls these for each context from now on.
void watch_contexts() {
  static const int index =
      CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, note_context, nullptr, forget_context);
  GRAPHITE_INVARIANT(index >= 0);
}

}  // namespace

void with_tls_reasons(const std::function<void()>& make) {
  watch_contexts();
  std::vector<SSL_CTX*> made;
  struct restore {
    std::vector<SSL_CTX*>* before;
    ~restore() { being_made = before; }
  } const at_end{std::exchange(being_made, &made)};
  make();
  for (auto* const context : made) SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(context), give_reason);
}

}  // namespace graphite
