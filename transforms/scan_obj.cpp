#include <algorithm>

#include "transforms/scan_formats.hpp"

namespace graphite {

namespace {

constexpr std::string_view blanks = " \t\r\v\f";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Takes the first word off `rest`, which is left trimmed.
std::string_view take_word(std::string_view& rest) {
  const auto end = std::min(rest.find_first_of(blanks), rest.size());
  const auto word = rest.substr(0, end);
  rest = trimmed(rest.substr(end));
  return word;
}

/// As a path of this project: exporters on Windows write `\` and quotes.
std::string path_text(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  std::string out(text);
  std::replace(out.begin(), out.end(), '\\', '/');
  return out;
}

/// Calls `on_line(word, rest)` for each line until it returns false.
template <class OnLine>
void each_line(std::string_view bytes, OnLine on_line) {
  while (!bytes.empty()) {
    const auto end = std::min(bytes.find('\n'), bytes.size());
    auto rest = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    const auto first = rest.find_first_not_of(blanks);
    // The millions of vertex lines are passed over before anything is cut.
    if (first == std::string_view::npos || rest[first] == '#' || rest[first] == 'v' || rest[first] == 'f')
      continue;
    rest = trimmed(rest);
    const auto word = take_word(rest);
    if (!rest.empty() && !on_line(word, rest)) return;
  }
}

bool is_number(std::string_view word) {
  return !word.empty() && word.find_first_not_of("+-.0123456789eE") == std::string_view::npos &&
         word.find_first_of("0123456789") != std::string_view::npos;
}

/// Steps over `-option value …` at the front of `rest`.
void skip_texture_options(std::string_view& rest) {
  static constexpr std::string_view vectors[] = {"-o", "-s", "-t"};
  while (!rest.empty() && rest.front() == '-') {
    auto after = rest;
    const auto option = lower_case(take_word(after));
    if (option.size() < 2 || is_number(option)) return;
    const bool vector = std::find(std::begin(vectors), std::end(vectors), option) != std::end(vectors);
    if (vector || option == "-mm") {
      const int values_max = vector ? 3 : 2;
      for (int i = 0; i < values_max; ++i) {
        auto behind = after;
        if (!is_number(take_word(behind)) || behind.empty()) break;
        after = behind;
      }
    } else {
      take_word(after);
    }
    rest = after;
  }
}

bool names_texture(std::string_view word) {
  static constexpr std::string_view others[] = {"bump", "disp", "decal", "refl", "norm"};
  const auto name = lower_case(word);
  if (name == "map_aat") return false;
  return name.rfind("map_", 0) == 0 ||
         std::find(std::begin(others), std::end(others), name) != std::end(others);
}

bool ends_in_mtl(std::string_view word) {
  return word.size() > 4 && lower_case(word.substr(word.size() - 4)) == ".mtl";
}

}  // namespace

std::vector<found_text> scan_obj(std::string_view bytes, std::size_t texts_max) {
  std::vector<found_text> found;
  each_line(bytes, [&](std::string_view word, std::string_view rest) {
    if (lower_case(word) != "mtllib") return true;
    while (!rest.empty() && found.size() < texts_max) {
      const auto begin = rest;
      auto last = take_word(rest);
      // A word is a name, or with the next ones up to `.mtl` a name with spaces.
      const bool spaced = lower_case(rest).find(".mtl") != std::string::npos;
      while (spaced && !ends_in_mtl(last) && !rest.empty()) last = take_word(rest);
      found.push_back(
          {path_text(begin.substr(0, static_cast<std::size_t>(last.data() + last.size() - begin.data())))});
    }
    return found.size() < texts_max;
  });
  return found;
}

std::vector<found_text> scan_mtl(std::string_view bytes, std::size_t texts_max) {
  std::vector<found_text> found;
  each_line(bytes, [&](std::string_view word, std::string_view rest) {
    if (!names_texture(word)) return true;
    skip_texture_options(rest);
    if (!rest.empty() && found.size() < texts_max) found.push_back({path_text(rest)});
    return found.size() < texts_max;
  });
  return found;
}

}  // namespace graphite
