#include "bundle/stored_bytes.hpp"

#include <algorithm>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "core/units.hpp"

namespace graphite {

bool has_right_bytes(const chunk_store& store, const content_ref& content, const hasher& hash) {
  content_builder builder(hash);
  byte_vector memory(std::min<std::uint64_t>(content.size, MiB));
  for (std::uint64_t at = 0; at < content.size;) {
    const auto part = std::span(memory).first(std::min<std::uint64_t>(memory.size(), content.size - at));
    if (!store.read(content.id, at, part)) return false;
    builder.feed(part);
    at += part.size();
  }
  return content_of(builder.finish(), hash) == content;
}

}  // namespace graphite
