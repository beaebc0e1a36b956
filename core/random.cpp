#include <cstring>

#include "core/ports/random.hpp"

namespace graphite {

uuid make_uuid(random_source& source) {
  uuid out;
  const std::uint64_t words[2] = {source.next(), source.next()};
  std::memcpy(out.bytes.data(), words, sizeof words);
  out.bytes[6] = static_cast<std::uint8_t>((out.bytes[6] & 0x0f) | 0x40);
  out.bytes[8] = static_cast<std::uint8_t>((out.bytes[8] & 0x3f) | 0x80);
  return out;
}

}  // namespace graphite
