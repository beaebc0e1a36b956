#include "platform/crypto/sha256.hpp"

// In OpenSSL 3 the one-shot SHA256() looks its provider up and allocates: half a microsecond, half the time
// that an index page takes. The three steps it once consisted of do not.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "kernels/sha256_lanes.hpp"

namespace graphite {

digest openssl_hasher::sha256(byte_span bytes) const {
  digest out;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(reinterpret_cast<unsigned char*>(out.bytes.data()), &context);
  return out;
}

void openssl_hasher::sha256_each(std::span<const byte_span> messages, std::span<digest> digests) const {
  const auto lanes = sha256_lanes_max();
  if (lanes > 1 && messages.size() > 1) return sha256_lanes(messages, digests, lanes);
  hasher::sha256_each(messages, digests);
}

}  // namespace graphite
