#include "platform/crypto/openssl_owned.hpp"

#include <openssl/err.h>

#include <string>

namespace graphite {

tl::unexpected<error> openssl_refused(const char* what) {
  char text[256] = "no reason";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return fail(errc::io, std::string(what) + ": " + text);
}

}  // namespace graphite
