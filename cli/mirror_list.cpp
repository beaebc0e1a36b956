#include "cli/mirror_list.hpp"

#include "bundle/byte_io.hpp"
#include "bundle/chunk_list.hpp"

namespace graphite {

byte_vector encode_mirror_list(const chunk_list& list) {
  byte_vector out;
  byte_writer to(out);
  for (const auto& chunk : list.chunks) {
    to.number(chunk.size);
    to.id(chunk.id);
  }
  return out;
}

result<chunk_list> decode_mirror_list(byte_span bytes) {
  chunk_list out;
  byte_reader from(bytes);
  while (from.ok() && !from.done()) {
    const auto size = from.number<std::uint32_t>();
    out.chunks.push_back({from.id(), size});
  }
  if (!from.ok()) return fail(errc::corrupt, "a kept chunk list ends inside an entry");
  GRAPHITE_CHECK(check_chunk_list(out));
  return out;
}

}  // namespace graphite
