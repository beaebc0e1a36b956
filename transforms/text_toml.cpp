#include <fmt/format.h>

#include "transforms/text_formats.hpp"
#include "transforms/toml.hpp"

namespace graphite {

namespace {

/// The end of the string that begins at `from` (past its closing quotes); the text's end where none closes.
std::size_t end_of_toml_string(std::string_view text, std::size_t from) {
  const char quote = text[from];
  const std::string three(3, quote);
  const bool long_one = text.substr(from, 3) == three;
  for (auto i = from + (long_one ? 3 : 1); i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (!long_one && (text[i] == quote || text[i] == '\n')) {
      return i + 1;
    } else if (long_one && text.substr(i, 3) == three) {
      i += 3;
      for (int more = 0; more < 2 && i < text.size() && text[i] == quote; ++more) ++i;
      return i;
    }
  }
  return text.size();
}

}  // namespace

std::string without_toml_comments(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 1);
  std::size_t line = 0;  // where in `out` the present line begins
  std::size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      const auto end = end_of_toml_string(text, i);
      out += text.substr(i, end - i);
      i = end;
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '\n') {
      while (out.size() > line && (out.back() == ' ' || out.back() == '\t' || out.back() == '\r'))
        out.pop_back();
      if (out.size() > line) out += '\n';
      line = out.size();
      ++i;
    } else {
      out += c;
      ++i;
    }
  }
  while (out.size() > line && (out.back() == ' ' || out.back() == '\t')) out.pop_back();
  return out;
}

result<std::string> minified_toml(std::string_view text) {
  const auto parsed = toml::parse(text);
  if (!parsed) {
    const auto& place = parsed.error().source().begin;
    return fail(errc::corrupt, fmt::format("line {}, column {}: {}", place.line, place.column,
                                           parsed.error().description()));
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return without_toml_comments(text);
}

}  // namespace graphite
