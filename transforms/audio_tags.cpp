#include "transforms/audio_tags.hpp"

#include <fmt/format.h>

#include <charconv>

#include "core/logical_path.hpp"

namespace graphite {

namespace {

std::uint64_t little(byte_span bytes, std::size_t at, std::size_t size) {
  std::uint64_t out = 0;
  for (auto i = size; i-- > 0;) out = out << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
  return out;
}

std::optional<audio_loop> loop_of(std::uint64_t begin, std::uint64_t end) {
  return begin < end ? std::optional(audio_loop{begin, end}) : std::nullopt;
}

result<audio_tags> riff_tags(byte_span file) {
  audio_tags out;
  constexpr std::size_t loops_at = 36, loop_bytes = 24;
  for (std::size_t at = 12; at + 8 <= file.size();) {
    const auto id = as_text(file.subspan(at, 4));
    const auto size = little(file, at + 4, 4);
    const auto body = file.subspan(at + 8);
    // Written to a pipe: the length was not known.
    if (id == "data" && size == 0xffffffff) break;
    if (size > body.size())
      return fail(errc::corrupt,
                  fmt::format("byte {}: a chunk of {} bytes where {} are left", at, size, body.size()));
    if (id == "smpl" && size >= loops_at + loop_bytes && little(body, 28, 4) > 0)
      out.loop = loop_of(little(body, loops_at + 8, 4), little(body, loops_at + 12, 4) + 1);
    at += 8 + size + size % 2;
  }
  return out;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (bad != std::errc() || end != text.data() + text.size() || out > 1ull << 40) return std::nullopt;
  return out;
}

/// NAME=VALUE texts, each after its length.
audio_tags vorbis_tags(byte_span block) {
  audio_tags out;
  std::optional<std::uint64_t> begin, end, length;
  std::size_t at = 0;
  const auto next = [&]() -> std::optional<std::string_view> {
    if (block.size() - at < 4) return std::nullopt;
    const auto size = little(block, at, 4);
    if (size > block.size() - at - 4) return std::nullopt;
    const auto text = as_text(block.subspan(at + 4, size));
    at += 4 + size;
    return text;
  };
  if (!next() || block.size() - at < 4) return out;
  at += 4;  // how many there are: as many as fit
  while (const auto text = next()) {
    const auto equals = text->find('=');
    if (equals == text->npos || text->size() > audio_tag_bytes_max) continue;
    const auto name = case_fold(text->substr(0, equals));
    const auto value = text->substr(equals + 1);
    if (name == "loopstart") begin = number_of(value);
    if (name == "loopend") end = number_of(value);
    if (name == "looplength") length = number_of(value);
    if (!is_utf8(value) || value.find('\0') != value.npos) continue;
    if (name == "title") out.title = value;
    if (name == "artist") out.artist = value;
  }
  if (begin && (end || length)) out.loop = loop_of(*begin, end ? *end : *begin + *length);
  return out;
}

audio_tags flac_tags(byte_span file) {
  for (std::size_t at = 4; at + 4 <= file.size();) {
    const auto head = std::to_integer<unsigned>(file[at]);
    std::size_t size = 0;
    for (std::size_t i = 1; i < 4; ++i) size = size << 8 | std::to_integer<std::size_t>(file[at + i]);
    if (size > file.size() - at - 4) break;
    if ((head & 0x7f) == 4) return vorbis_tags(file.subspan(at + 4, size));
    if ((head & 0x80) != 0) break;
    at += 4 + size;
  }
  return {};
}

/// The second packet, which may lie in several pages; the one stream's pages follow each other.
audio_tags ogg_tags(byte_span file) {
  std::string packet;
  int packets = 0;
  for (std::size_t at = 0; at + 27 <= file.size() && as_text(file.subspan(at, 4)) == "OggS";) {
    const auto segments = std::to_integer<std::size_t>(file[at + 26]);
    auto body = at + 27 + segments;
    for (std::size_t i = 0; i < segments; ++i) {
      if (body > file.size()) return {};
      const auto size = std::to_integer<std::size_t>(file[at + 27 + i]);
      if (size > file.size() - body || packet.size() + size > audio_tags_bytes_max) return {};
      if (packets == 1) packet += as_text(file.subspan(body, size));
      body += size;
      if (size == 255 || packets++ == 0) continue;
      const std::string_view found = packet;
      return found.starts_with("\3vorbis") ? vorbis_tags(as_bytes(found.substr(7))) : audio_tags{};
    }
    at = body;
  }
  return {};
}

}  // namespace

result<audio_tags> read_audio_tags(byte_span file) {
  const auto text = as_text(file);
  if (text.starts_with("RIFF") && file.size() >= 12) return riff_tags(file);
  if (text.starts_with("fLaC")) return flac_tags(file);
  if (text.starts_with("OggS")) return ogg_tags(file);
  return audio_tags{};
}

}  // namespace graphite
