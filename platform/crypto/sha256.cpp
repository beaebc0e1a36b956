#include "platform/crypto/sha256.hpp"

#define OPENSSL_SUPPRESS_DEPRECATED  // the one-shot SHA256() skips the provider look-up of EVP
#include <openssl/sha.h>

namespace graphite {

digest openssl_hasher::sha256(byte_span bytes) const {
  digest out;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.bytes.data());
  return out;
}

}  // namespace graphite
