#include "bundle/part_list.hpp"

#include "bundle/byte_io.hpp"

namespace graphite {

content_ref content_of_parts(const std::vector<content_ref>& parts, const hasher& hash) {
  byte_vector text;
  byte_writer to(text);
  // A chunk list begins with the length of its first chunk, which is never that long.
  to.number(~std::uint32_t{0});
  content_ref out;
  for (const auto& part : parts) {
    to.number(part.size);
    to.id(part.id);
    out.size += part.size;
  }
  out.id = hash.sha256(text);
  return out;
}

}  // namespace graphite
