#include "tests/fuzz/targets.hpp"
#include "transforms/audio_tags.hpp"
#include "transforms/text_formats.hpp"
#include "transforms/zip_reader.hpp"

namespace graphite::fuzz {

bool toml_comments(byte_span bytes) {
  const auto out = without_toml_comments(as_text(bytes));
  GRAPHITE_INVARIANT(out.size() <= bytes.size());
  return !out.empty();
}

bool zip_directory(byte_span bytes) {
  constexpr std::size_t entries_max = 64;
  const auto entries = read_zip(bytes, entries_max);
  if (!entries) return false;
  GRAPHITE_INVARIANT(entries->size() <= entries_max);
  for (const auto& entry : *entries) {
    if (entry.size > 1u << 20) continue;
    const auto file = unpack(entry);
    GRAPHITE_INVARIANT(!file || file->size() == entry.size);
  }
  return true;
}

bool audio_comments(byte_span bytes) {
  const auto tags = read_audio_tags(bytes);
  if (!tags) return false;
  GRAPHITE_INVARIANT(!tags->loop || tags->loop->begin < tags->loop->end);
  GRAPHITE_INVARIANT(tags->title.size() <= audio_tag_bytes_max && tags->artist.size() <= audio_tag_bytes_max);
  return !tags->title.empty() || !tags->artist.empty() || tags->loop;
}

}  // namespace graphite::fuzz
