#include <set>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "transforms/text_formats.hpp"

namespace graphite {

namespace {

/// The library's messages repeat what it read.
constexpr std::size_t message_bytes_max = 200;

std::string cut_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

/// Hands the parser one byte after the other and counts them, so that every event knows its place.
class counted_text {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  counted_text(const char* at, std::size_t* read) : at_(at), read_(read) {}
  reference operator*() const { return *at_; }
  counted_text& operator++() {
    ++at_;
    ++*read_;
    return *this;
  }
  bool operator==(const counted_text& other) const { return at_ == other.at_; }
  bool operator!=(const counted_text& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  std::size_t* read_;
};

/// Accepts what is JSON and within the bounds. The parser keeps its own stack on the heap.
class json_check {
 public:
  json_check(std::string_view text, const std::size_t& read) : text_(text), read_(read) {}
  const error& mistake() const { return mistake_; }

  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(std::int64_t) { return true; }
  bool number_unsigned(std::uint64_t) { return true; }
  bool number_float(double, const std::string&) { return true; }
  bool string(std::string&) { return true; }
  bool binary(std::vector<std::uint8_t>&) { return true; }
  bool start_object(std::size_t) { return open(); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    if (keys_.back().insert(name).second) return true;
    return refuse(errc::corrupt, fmt::format("the key \"{}\" is there twice", name.substr(0, 80)));
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& what) {
    // What comes before is the library's own words for the place.
    std::string_view message = what.what();
    if (const auto colon = message.find(": "); colon != message.npos) message.remove_prefix(colon + 2);
    return refuse(errc::corrupt, cut_text(message, message_bytes_max));
  }

 private:
  bool open() {
    if (keys_.size() == text_depth_max)
      return refuse(errc::too_large, fmt::format("nested deeper than {}", text_depth_max));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }
  bool refuse(errc code, std::string why) {
    mistake_ = {code, text_place(text_, read_ == 0 ? 0 : read_ - 1) + why};
    return false;
  }

  std::string_view text_;
  const std::size_t& read_;
  std::vector<std::set<std::string, std::less<>>> keys_;
  error mistake_{errc::corrupt, ""};
};

/// Of what is known to be JSON.
std::string without_json_space(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      out += c;
      if (c == '\\') out += text[++i];
      if (c == '"') quoted = false;
    } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      out += c;
      quoted = c == '"';
    }
  }
  return out;
}

}  // namespace

result<std::string> minified_json(std::string_view text) {
  std::size_t read = 0;
  json_check check(text, read);
  const counted_text first(text.data(), &read), last(text.data() + text.size(), &read);
  if (!nlohmann::json::sax_parse(first, last, &check)) return tl::unexpected<error>(check.mistake());
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return without_json_space(text);
}

}  // namespace graphite
