#include <algorithm>

#include "transforms/scan_formats.hpp"

namespace graphite {

namespace {

/// The line without its comments; `inside` says whether a block comment is open, before and after.
std::string without_comments(std::string_view line, bool& inside) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto two = line.substr(i, 2);
    if (inside) {
      if (two != "*/") continue;
      inside = false;
      ++i;
      out += ' ';
    } else if (two == "/*") {
      inside = true;
      ++i;
    } else if (two == "//" && out.find_first_of("\"<") == std::string::npos) {
      break;
    } else {
      out += line[i];
    }
  }
  return out;
}

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r"), text.size()));
}

bool take(std::string_view& text, std::string_view word) {
  skip_blanks(text);
  if (text.substr(0, word.size()) != word) return false;
  text.remove_prefix(word.size());
  return true;
}

void add_include(std::string_view line, std::vector<found_text>& found) {
  if (!take(line, "#") || !take(line, "include")) return;
  skip_blanks(line);
  if (line.empty() || (line.front() != '"' && line.front() != '<')) return;
  const bool angled = line.front() == '<';
  const auto end = line.find(angled ? '>' : '"', 1);
  if (end != std::string_view::npos && end > 1)
    found.push_back({std::string(line.substr(1, end - 1)), angled});
}

}  // namespace

std::vector<found_text> scan_glsl(std::string_view bytes, std::size_t texts_max) {
  std::vector<found_text> found;
  bool inside = false;
  if (bytes.substr(0, 3) == "\xef\xbb\xbf") bytes.remove_prefix(3);
  while (!bytes.empty() && found.size() < texts_max) {
    const auto end = std::min(bytes.find('\n'), bytes.size());
    add_include(without_comments(bytes.substr(0, end), inside), found);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return found;
}

}  // namespace graphite
