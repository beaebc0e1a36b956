#include "core/logical_path.hpp"

#include <xxhash.h>

#include <cstdint>
#include <vector>

#include "core/path_check.hpp"
#include "core/path_text.hpp"

namespace graphite {

namespace {

/// Length of the well-formed sequence at `at`, its code point in `out`; 0 where malformed.
std::size_t decode_utf8(std::string_view text, std::size_t at, std::uint32_t& out) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at);
  if (lead < 0x80) return out = lead, 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return 0;
  std::uint32_t point = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte(at + i) & 0x3f);
  }
  static constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return 0;
  return out = point, length;
}

void append_utf8(std::string& out, std::uint32_t point) {
  if (point < 0x80) {
    out.push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out.push_back(static_cast<char>(0xc0 | point >> 6));
    out.push_back(static_cast<char>(0x80 | (point & 0x3f)));
  }
}

std::uint32_t fold(std::uint32_t point) {
  if (point >= 'A' && point <= 'Z') return point + 32;
  if (point >= 0xc0 && point <= 0xde && point != 0xd7) return point + 32;
  if (point >= 0x100 && point <= 0x17f && point != 0x130 && point != 0x131 && point != 0x138 &&
      point != 0x149 && point != 0x178 && point != 0x17f) {
    const bool odd_is_lower = point <= 0x137 || (point >= 0x14a && point <= 0x177);
    const bool upper = odd_is_lower ? point % 2 == 0 : point % 2 == 1;
    return upper ? point + 1 : point;
  }
  if (point >= 0x391 && point <= 0x3ab && point != 0x3a2) return point + 32;
  if (point >= 0x410 && point <= 0x42f) return point + 32;
  if (point >= 0x400 && point <= 0x40f) return point + 80;
  return point;
}

/// Whether a component needs no second look: not empty, not too long, and no `.` or `..`.
bool plain_component(std::string_view part) {
  return !part.empty() && part.size() <= logical_path::component_bytes_max &&
         (part.front() != '.' || (part != "." && part != ".."));
}

/// The common case, told without an allocation: printable ASCII that breaks no rule. False: look closer.
bool plain_path(std::string_view text) {
  bool odd = text.empty() || text.size() > logical_path::bytes_max;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    odd |= byte < 0x20 || byte >= 0x7f || byte == '\\';
  }
  while (!odd) {
    const auto slash = text.find('/');
    odd = !plain_component(text.substr(0, slash));
    if (slash == std::string_view::npos) break;
    text.remove_prefix(slash + 1);
  }
  return !odd;
}

result<void> check_component(std::string_view part, std::string_view whole) {
  if (plain_component(part)) return {};
  const auto quoted = "'" + std::string(whole) + "'";
  if (part.empty()) return fail(errc::invalid_argument, quoted + " has an empty component");
  if (part == "." || part == "..")
    return fail(errc::invalid_argument, quoted + " has a '.' or '..' component");
  if (part.size() > logical_path::component_bytes_max)
    return fail(errc::too_large, quoted + " has a component over 255 bytes");
  return {};
}

}  // namespace

bool is_logical_path(std::string_view text) {
  return plain_path(text) || logical_path::parse(text).has_value();
}

result<logical_path> logical_path::parse(std::string_view text) {
  if (plain_path(text)) return logical_path(std::string(text));
  if (text.empty()) return fail(errc::invalid_argument, "a path is empty");
  if (text.size() > bytes_max) return fail(errc::too_large, "a path is over 1024 bytes");
  if (!is_utf8(text)) return fail(errc::invalid_argument, "a path is not UTF-8");
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return fail(errc::invalid_argument, "a path has a control character");
    if (c == '\\')
      return fail(errc::invalid_argument, "'" + std::string(text) + "' has a backslash: use '/'");
  }
  if (text.front() == '/') return fail(errc::invalid_argument, "'" + std::string(text) + "' is absolute");
  std::size_t start = 0;
  while (start <= text.size()) {
    const auto slash = std::min(text.find('/', start), text.size());
    GRAPHITE_CHECK(check_component(text.substr(start, slash - start), text));
    start = slash + 1;
  }
  return logical_path(std::string(text));
}

std::string_view logical_path::folder() const { return folder_of(text_); }

std::string_view logical_path::file_name() const { return file_name_of(text_); }

std::string_view logical_path::stem() const {
  const auto name = file_name();
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot);
}

std::string_view logical_path::extension() const {
  const auto name = file_name();
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view{} : name.substr(dot);
}

result<logical_path> logical_path::resolve(std::string_view reference) const {
  std::vector<std::string_view> parts;
  const auto append = [&](std::string_view text) -> bool {
    std::size_t start = 0;
    while (start <= text.size()) {
      const auto slash = std::min(text.find('/', start), text.size());
      const auto part = text.substr(start, slash - start);
      start = slash + 1;
      if (part.empty() || part == ".") continue;
      if (part != "..") {
        parts.push_back(part);
      } else if (parts.empty()) {
        return false;
      } else {
        parts.pop_back();
      }
    }
    return true;
  };
  append(folder());
  if (!append(reference))
    return fail(errc::invalid_argument, "'" + std::string(reference) + "' in " + text_ + " leaves the root");
  std::string joined;
  for (const auto part : parts) (joined.empty() ? joined : joined += '/') += part;
  return parse(joined);
}

asset_id id_of_path_text(std::string_view text) { return asset_id{XXH3_64bits(text.data(), text.size())}; }
asset_id id_of(const logical_path& path) { return id_of_path_text(path.str()); }

std::string case_fold(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  for (std::size_t at = 0; at < utf8.size();) {
    std::uint32_t point = 0;
    const auto length = decode_utf8(utf8, at, point);
    const auto folded = length == 0 ? 0 : fold(point);
    if (length == 0 || length > 2 || folded >= 0x800) {
      const auto step = length == 0 ? 1 : length;
      out.append(utf8.substr(at, step));
      at += step;
      continue;
    }
    append_utf8(out, folded);
    at += length;
  }
  return out;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t point = 0;
    const auto length = decode_utf8(text, at, point);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

}  // namespace graphite
