#include <cstdint>

#include "transforms/scan_formats.hpp"

namespace graphite {

namespace {

/// Walks JSON once from front to back and collects the wanted strings. Stops at the first thing that is
/// not JSON: what was found until there stays. Nesting is bounded.
class gltf_walk {
 public:
  gltf_walk(std::string_view text, std::size_t texts_max, gltf_files which)
      : text_(text), texts_max_(texts_max), which_(which) {}

  std::vector<found_text> run() {
    value(place::document, 0);
    return std::move(found_);
  }

 private:
  /// Where in the document a value stands.
  enum class place { document, list, entry, uri, elsewhere };
  static constexpr int depth_max = 128;

  bool value(place where, int depth) {
    skip_space();
    if (depth > depth_max || at_ == text_.size()) return false;
    switch (text_[at_]) {
      case '{':
        return object(where, depth);
      case '[':
        return array(where, depth);
      case '"':
        return string_value(where);
      default:
        return scalar();
    }
  }

  bool object(place where, int depth) {
    ++at_;
    if (take('}')) return true;
    do {
      skip_space();
      std::string key;
      if (!string(&key) || !take(':')) return false;
      if (!value(member_of(where, key), depth + 1)) return false;
    } while (take(','));
    return take('}');
  }

  bool array(place where, int depth) {
    ++at_;
    if (take(']')) return true;
    do {
      if (!value(where == place::list ? place::entry : place::elsewhere, depth + 1)) return false;
    } while (take(','));
    return take(']');
  }

  place member_of(place where, std::string_view key) const {
    const bool wanted = (key == "buffers" && which_ != gltf_files::images) ||
                        (key == "images" && which_ != gltf_files::buffers);
    if (where == place::document && wanted) return place::list;
    return where == place::entry && key == "uri" ? place::uri : place::elsewhere;
  }

  bool string_value(place where) {
    if (where != place::uri) return string(nullptr);
    std::string uri;
    if (!string(&uri)) return false;
    if (uri.rfind("data:", 0) != 0) found_.push_back({percent_decoded(uri)});
    return found_.size() < texts_max_;
  }

  bool scalar() {
    const auto end = text_.find_first_not_of("+-.0123456789abcdefghijklmnopqrstuvwxyzE", at_);
    const bool any = end != at_;
    at_ = end == std::string_view::npos ? text_.size() : end;
    return any;
  }

  /// Reads a string; `out` may be null: stepped over.
  bool string(std::string* out) {
    if (at_ == text_.size() || text_[at_] != '"') return false;
    ++at_;
    while (true) {
      const auto end = text_.find_first_of("\"\\", at_);
      if (end == std::string_view::npos) return false;
      if (out != nullptr) out->append(text_.substr(at_, end - at_));
      at_ = end + 1;
      if (text_[end] == '"') return true;
      if (!escape(out)) return false;
    }
  }

  bool escape(std::string* out) {
    if (at_ == text_.size()) return false;
    static constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    const char letter = text_[at_++];
    if (letter == 'u') return unicode_escape(out);
    const auto which = letters.find(letter);
    if (which == std::string_view::npos) return false;
    if (out != nullptr) out->push_back(meanings[which]);
    return true;
  }

  bool unicode_escape(std::string* out) {
    std::uint32_t point = 0, low = 0;
    if (!four_digits(point)) return false;
    const bool high_half = point >= 0xd800 && point < 0xdc00;
    if (high_half && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      if (!four_digits(low) || low < 0xdc00 || low > 0xdfff) return false;
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    // A lone half is encoded as it is; no logical path accepts it.
    if (out != nullptr) append_utf8(*out, point);
    return true;
  }

  bool four_digits(std::uint32_t& out) {
    if (text_.size() - at_ < 4) return false;
    for (int i = 0; i < 4; ++i) {
      const int digit = hex_digit(text_[at_++]);
      if (digit < 0) return false;
      out = out << 4 | static_cast<std::uint32_t>(digit);
    }
    return true;
  }

  static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  }

  static void append_utf8(std::string& out, std::uint32_t point) {
    const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | (point >> shift & 0x3f))); };
    if (point < 0x80) return out.push_back(static_cast<char>(point));
    if (point < 0x800) return out.push_back(static_cast<char>(0xc0 | point >> 6)), tail(0);
    if (point < 0x10000) return out.push_back(static_cast<char>(0xe0 | point >> 12)), tail(6), tail(0);
    out.push_back(static_cast<char>(0xf0 | point >> 18));
    tail(12), tail(6), tail(0);
  }

  static std::string percent_decoded(std::string_view uri) {
    std::string out;
    for (std::size_t i = 0; i < uri.size(); ++i) {
      const bool coded =
          uri[i] == '%' && i + 2 < uri.size() && hex_digit(uri[i + 1]) >= 0 && hex_digit(uri[i + 2]) >= 0;
      out.push_back(coded ? static_cast<char>(hex_digit(uri[i + 1]) << 4 | hex_digit(uri[i + 2])) : uri[i]);
      if (coded) i += 2;
    }
    return out;
  }

  void skip_space() {
    const auto next = text_.find_first_not_of(" \t\r\n", at_);
    at_ = next == std::string_view::npos ? text_.size() : next;
  }

  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0, texts_max_;
  gltf_files which_;
  std::vector<found_text> found_;
};

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = 4; i-- > 0;) out = out << 8 | static_cast<unsigned char>(bytes[at + i]);
  return out;
}

/// The JSON chunk of a GLB, which must come first; empty where there is none.
std::string_view json_of_glb(std::string_view bytes) {
  constexpr std::size_t header_bytes = 12, chunk_header_bytes = 8;
  constexpr std::uint32_t json_chunk = 0x4e4f534a;
  if (bytes.size() < header_bytes + chunk_header_bytes || little_endian(bytes, 16) != json_chunk) return {};
  return bytes.substr(header_bytes + chunk_header_bytes, little_endian(bytes, header_bytes));
}

}  // namespace

std::vector<found_text> scan_gltf(std::string_view bytes, std::size_t texts_max, gltf_files which) {
  if (bytes.substr(0, 4) == "glTF") bytes = json_of_glb(bytes);
  if (bytes.substr(0, 3) == "\xef\xbb\xbf") bytes.remove_prefix(3);
  return texts_max == 0 ? std::vector<found_text>{} : gltf_walk(bytes, texts_max, which).run();
}

}  // namespace graphite
