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

/// Where a key has more than text_depth_max names with dots between them; npos: nowhere. Each makes a table
/// in the one before, and the parser walks tables by calls within calls.
std::size_t toml_key_too_deep(std::string_view text) {
  std::size_t dots = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      i = end_of_toml_string(text, i);
      continue;
    }
    if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    if (std::string_view("\n=,{}[]").find(c) != std::string_view::npos) dots = 0;
    if (c == '.' && ++dots >= text_depth_max) return i;
    ++i;
  }
  return std::string_view::npos;
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
  if (const auto at = toml_key_too_deep(text); at != text.npos)
    return fail(errc::too_large,
                text_place(text, at) + fmt::format("a key of more than {} names", text_depth_max));
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
