#include "core/text_tail.hpp"

#include <algorithm>

#include "core/logical_path.hpp"

namespace graphite {

namespace {

/// Length of the well-formed UTF-8 sequence at `at`, or 0.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  for (std::size_t length = 1; length <= 4 && at + length <= text.size(); ++length)
    if (is_utf8(text.substr(at, length))) return length;
  return 0;
}

void append_printable(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x80) {
      if (c != '\r') out += (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ? '?' : text[at];
      ++at;
      continue;
    }
    const auto length = sequence_length(text, at);
    out += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
}

}  // namespace

std::string last_lines(std::string_view text, std::size_t bytes_max) {
  static constexpr std::string_view mark = "[…]\n";
  std::string out;
  append_printable(out, text.substr(text.size() - std::min(text.size(), bytes_max)));
  const bool cut = out.size() > bytes_max || text.size() > bytes_max;
  if (!cut) return out;
  if (bytes_max <= mark.size()) return {};
  auto begin = out.size() - std::min(out.size(), bytes_max - mark.size());
  const auto line = out.find('\n', begin);
  if (line != out.npos && line + 1 < out.size()) begin = line + 1;
  while (begin < out.size() && (static_cast<unsigned char>(out[begin]) & 0xC0) == 0x80) ++begin;
  return std::string(mark) + out.substr(begin);
}

}  // namespace graphite
