#include "core/glob.hpp"

#include <algorithm>

#include "core/glob_match.hpp"
#include "core/path_text.hpp"

namespace graphite {

namespace {

struct component {
  std::string_view text;
  std::string_view rest;
  bool last;
};

component split_first(std::string_view path) {
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return {path, {}, true};
  return {path.substr(0, slash), path.substr(slash + 1), false};
}

/// Length in bytes of the UTF-8 character at the front: `?` and classes take whole characters.
std::size_t character_bytes(std::string_view text) {
  std::size_t n = 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) ++n;
  return n;
}

/// Matches the class at `pattern[at]` == '['; sets `end` behind its ']'.
bool match_class(std::string_view pattern, std::size_t at, std::size_t& end, unsigned char c) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
    const auto low = static_cast<unsigned char>(pattern[i]);
    auto high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      high = static_cast<unsigned char>(pattern[i + 2]);
      i += 2;
    }
    found = found || (low <= c && c <= high);
    ++i;
  }
  end = i + 1;
  return found != negated;
}

/// Matches one pattern item that is no star; 0 where it does not match, else characters taken of `text`.
std::size_t match_item(std::string_view pattern, std::size_t at, std::size_t& end, std::string_view text) {
  if (text.empty()) return 0;
  if (pattern[at] == '?') return end = at + 1, character_bytes(text);
  if (pattern[at] == '[') {
    if (!match_class(pattern, at, end, static_cast<unsigned char>(text[0]))) return 0;
    return character_bytes(text);
  }
  if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
  end = at + 1;
  return pattern[at] == text[0] ? 1 : 0;
}

}  // namespace

bool match_component(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (true) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      resume = t;
      continue;
    }
    if (p == pattern.size() && t == text.size()) return true;
    std::size_t end = p;
    const auto taken = p < pattern.size() ? match_item(pattern, p, end, text.substr(t)) : 0;
    if (taken != 0) {
      p = end;
      t += taken;
    } else if (star != std::string_view::npos && resume < text.size()) {
      p = star;
      t = ++resume;
    } else {
      return false;
    }
  }
}

name_pattern::name_pattern(std::string text) : text_(std::move(text)) {
  const auto plain = [](std::string_view part) {
    return part.find_first_of("*?[\\") == std::string_view::npos;
  };
  const std::string_view all = text_;
  if (plain(all))
    shape_ = shape::literal;
  else if (all.front() == '*' && plain(all.substr(1)))
    shape_ = shape::suffix;
  else if (all.back() == '*' && plain(all.substr(0, all.size() - 1)))
    shape_ = shape::prefix;
}

bool name_pattern::matches(std::string_view name) const {
  const std::string_view all = text_;
  switch (shape_) {
    case shape::literal:
      return name == all;
    case shape::prefix:
      return name.starts_with(all.substr(0, all.size() - 1));
    case shape::suffix:
      return name.ends_with(all.substr(1));
    case shape::other:
      break;
  }
  return match_component(text_, name);
}

bool match_path(std::string_view pattern, std::string_view path) {
  std::string_view retry_pattern, retry_path;
  bool can_retry = false, pattern_done = false, path_done = false;
  while (true) {
    if (pattern_done && path_done) return true;
    if (!pattern_done) {
      const auto p = split_first(pattern);
      if (p.text == "**") {
        if (p.last) return !path_done;
        pattern = p.rest;
        retry_pattern = pattern, retry_path = path, can_retry = !path_done;
        continue;
      }
      if (!path_done) {
        const auto t = split_first(path);
        if (match_component(p.text, t.text)) {
          pattern = p.rest, pattern_done = p.last;
          path = t.rest, path_done = t.last;
          continue;
        }
      }
    }
    if (!can_retry) return false;
    const auto skipped = split_first(retry_path);
    if (skipped.last) return false;
    retry_path = skipped.rest;
    pattern = retry_pattern, path = retry_path, pattern_done = path_done = false;
  }
}

bool match_path_prefix(std::string_view pattern, std::string_view folder) {
  while (true) {
    const auto p = split_first(pattern);
    if (p.text == "**") return true;
    if (folder.empty()) return true;
    const auto f = split_first(folder);
    if (p.last || !match_component(p.text, f.text)) return false;
    pattern = p.rest;
    folder = f.last ? std::string_view{} : f.rest;
    if (f.last) return true;
  }
}

namespace {

/// The first of `wanted` at or behind `at` that no `\` quotes.
std::size_t find_unquoted(std::string_view text, std::string_view wanted, std::size_t at = 0) {
  for (; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (wanted.find(text[at]) != std::string_view::npos)
      return at;
  }
  return std::string_view::npos;
}

/// Expands the first brace group of `text` into `out`, recursively.
result<void> expand_braces(const std::string& text, std::vector<std::string>& out) {
  const auto open = find_unquoted(text, "{");
  if (open == std::string::npos) {
    if (find_unquoted(text, "}") != std::string::npos)
      return fail(errc::invalid_argument, "'}' without '{' in '" + text + "'");
    if (out.size() == glob::alternatives_max)
      return fail(errc::too_large, "more than 64 alternatives in '" + text + "'");
    out.push_back(text);
    return {};
  }
  std::size_t depth = 0, start = open + 1, close = open;
  std::vector<std::string> choices;
  for (auto i = open; i < text.size(); i = std::min(find_unquoted(text, "{},", i + 1), text.size())) {
    if (text[i] == '{') ++depth;
    const bool ends = text[i] == '}' && --depth == 0;
    if (ends || (text[i] == ',' && depth == 1)) {
      choices.push_back(text.substr(start, i - start));
      start = i + 1;
    }
    if (ends) {
      close = i;
      break;
    }
  }
  if (close == open)
    return fail(errc::invalid_argument, "'{' at character " + std::to_string(open + 1) + " is never closed");
  for (const auto& choice : choices)
    GRAPHITE_CHECK(expand_braces(text.substr(0, open) + choice + text.substr(close + 1), out));
  return {};
}

result<void> check_alternative(const std::string& text) {
  if (text.empty()) return fail(errc::invalid_argument, "a pattern is empty");
  if (text.front() == '/')
    return fail(errc::invalid_argument, "'" + text + "' starts with '/': patterns are relative to the root");
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '[' && text.find(']', i + 2) == std::string::npos)
      return fail(errc::invalid_argument, "'[' at character " + std::to_string(i + 1) + " is never closed");
  }
  return {};
}

}  // namespace

result<glob> glob::parse(std::string_view text) {
  if (text.empty()) return fail(errc::invalid_argument, "a pattern is empty");
  if (text.size() > bytes_max) return fail(errc::too_large, "a pattern is over 1024 bytes");
  glob out;
  out.text_ = std::string(text);
  GRAPHITE_CHECK(expand_braces(out.text_, out.alternatives_));
  for (auto& alternative : out.alternatives_) {
    GRAPHITE_CHECK(check_alternative(alternative));
    if (alternative.starts_with("./"))
      alternative.erase(0, 2);
    else if (alternative.find('/') == std::string::npos && alternative != "**")
      alternative.insert(0, "**/");
    if (alternative.empty()) return fail(errc::invalid_argument, "a pattern is empty");
    const bool anywhere = alternative.starts_with("**/") && alternative.find('/', 3) == std::string::npos;
    if (anywhere && alternative != "**/**") out.names_.emplace_back(alternative.substr(3));
  }
  return out;
}

std::string glob::quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("*?[]{},\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string glob::plain_beginning(std::string_view pattern) {
  if (pattern.starts_with("./")) pattern.remove_prefix(2);
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (std::string_view("*?[").find(pattern[i]) != std::string_view::npos) break;
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    out += pattern[i];
  }
  return out;
}

std::string glob::prefix() const {
  auto out = plain_beginning(alternatives_.front());
  for (const auto& one : alternatives_) {
    const auto other = plain_beginning(one);
    const auto end = std::mismatch(out.begin(), out.end(), other.begin(), other.end()).first;
    out.erase(end, out.end());
  }
  return out;
}

std::optional<std::string> glob::only_folder() const {
  std::optional<std::string> out;
  for (const std::string_view one : alternatives_) {
    const auto slash = one.rfind('/');
    const auto folder = one.substr(0, slash == std::string_view::npos ? 0 : slash);
    const bool below = slash == std::string_view::npos ? one == "**" : one.substr(slash + 1) == "**";
    if (below || find_unquoted(folder, "*?[") != std::string_view::npos) return std::nullopt;
    auto plain = plain_beginning(folder);
    if (out && *out != plain) return std::nullopt;
    out = std::move(plain);
  }
  return out;
}

bool glob::matches(std::string_view path) const {
  if (names_.size() == alternatives_.size()) {
    const auto name = file_name_of(path);
    return std::any_of(names_.begin(), names_.end(), [&](const auto& one) { return one.matches(name); });
  }
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const std::string& pattern) { return match_path(pattern, path); });
}

bool glob::may_match_below(std::string_view folder) const {
  return std::any_of(alternatives_.begin(), alternatives_.end(),
                     [&](const std::string& pattern) { return match_path_prefix(pattern, folder); });
}

bool any_matches(const std::vector<glob>& globs, std::string_view path) {
  return std::any_of(globs.begin(), globs.end(), [&](const glob& g) { return g.matches(path); });
}

}  // namespace graphite
