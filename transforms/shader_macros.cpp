#include "transforms/shader_macros.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace graphite {

namespace {

bool in_macro_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Lines that a backslash joins, as one.
std::string joined_lines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && text.substr(i + 1, 1) == "\n") {
      i += 1;
    } else if (text[i] == '\\' && text.substr(i + 1, 2) == "\r\n") {
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// The place behind the comment that begins at `at`; `at` where none does.
std::size_t behind_comment(std::string_view text, std::size_t at) {
  const auto two = text.substr(at, 2);
  if (two == "//") return std::min(text.find('\n', at), text.size());
  if (two != "/*") return at;
  const auto end = text.find("*/", at + 2);
  return end == text.npos ? text.size() : end + 2;
}

/// Names and numbers as they are, else one character each. A `(` right behind a word is kept as "(" and one
/// behind a space as " (": they differ in `#define`. Up to a line's end, which is left.
std::vector<std::string> words_of_line(std::string_view text, std::size_t& at) {
  std::vector<std::string> out;
  bool space = true;
  while (at < text.size() && text[at] != '\n') {
    if (const auto behind = behind_comment(text, at); behind != at) {
      at = behind;
      space = true;
    } else if (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\v' ||
               text[at] == '\f') {
      ++at;
      space = true;
    } else if (in_macro_name(text[at])) {
      const auto from = at;
      while (at < text.size() && in_macro_name(text[at])) ++at;
      out.emplace_back(text.substr(from, at - from));
      space = false;
    } else {
      out.push_back(text[at] == '(' && space ? " (" : std::string(1, text[at]));
      ++at;
      space = false;
    }
  }
  return out;
}

bool opens(const std::string& word) { return word == "(" || word == " ("; }

/// The number of the word that closes what `from` opens; the number of words where none does.
std::size_t closing(std::span<const std::string> text, std::size_t from) {
  int open = 0;
  for (auto i = from; i < text.size(); ++i) {
    open += opens(text[i]) - (text[i] == ")");
    if (open == 0) return i;
  }
  return text.size();
}

}  // namespace

bool shader_macros::define(const words& line) {
  if (line.size() < 3) return false;
  std::size_t body = 3;
  macro read;
  if (line.size() > 3 && line[3] == "(") {
    read.call = true;
    for (body = 4; body < line.size() && line[body] != ")"; ++body)
      if (line[body] != ",") read.parameters.push_back(line[body]);
    body = std::min(body + 1, line.size());
  }
  auto& known = macros_[line[2]];
  known.call = known.call || read.call;
  for (auto& name : read.parameters)
    if (std::find(known.parameters.begin(), known.parameters.end(), name) == known.parameters.end())
      known.parameters.push_back(std::move(name));
  words text(line.begin() + static_cast<std::ptrdiff_t>(body), line.end());
  if (std::find(known.bodies.begin(), known.bodies.end(), text) != known.bodies.end()) return false;
  known.bodies.push_back(std::move(text));
  return true;
}

bool shader_macros::take_line(const words& line) {
  if (line.size() < 2 || line[0] != "#") return false;
  if (line[1] == "define") return define(line);
  if (line[1] != "if" && line[1] != "elif" && line[1] != "line") return false;
  conditions_.emplace_back(line.begin() + 2, line.end());
  return true;
}

bool shader_macros::expand_bodies(macro& of, const scope& in, int depth) {
  if (of.open) return true;
  if (depth > shader_macro_depth_max) return false;
  of.open = true;
  const bool fit = std::all_of(of.bodies.begin(), of.bodies.end(),
                               [&](const words& body) { return expand(body, in, depth + 1); });
  of.open = false;
  return fit;
}

bool shader_macros::expand(std::span<const std::string> text, const scope& in, int depth) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (++used_ > most_) return false;
    const auto& word = text[i];
    if (in.parameters != nullptr &&
        std::find(in.parameters->begin(), in.parameters->end(), word) != in.parameters->end()) {
      used_ += in.argument;
      continue;
    }
    const auto found = macros_.find(word);
    if (found == macros_.end()) continue;
    auto& used = found->second;
    if (!used.call) {
      if (!expand_bodies(used, {}, depth)) return false;
      continue;
    }
    if (i + 1 >= text.size() || !opens(text[i + 1])) continue;
    if (depth > shader_macro_depth_max) return false;
    const auto end = closing(text, i + 1);
    const auto before = used_;
    const auto given = text.subspan(i + 2, std::max(end, i + 2) - i - 2);
    if (!expand(given, in, depth + 1)) return false;
    if (!expand_bodies(used, {&used.parameters, used_ - before}, depth)) return false;
    i = end;
  }
  return used_ <= most_;
}

result<void> shader_macros::check() {
  const auto refused = [](std::string_view what, std::string_view name, std::uint64_t most) {
    return fail(errc::too_large,
                fmt::format("{}`{}` expands to over {} words, or over {} macros in each other", what,
                            name.substr(0, 60), most, shader_macro_depth_max));
  };
  const auto begin = [&](std::uint64_t most) {
    checked_ += used_;
    used_ = 0;
    most_ = most;
    return checked_ <= shader_macro_checks_max;
  };
  const auto endless = [] { return fail(errc::too_large, "its macros are too many or too long"); };
  for (auto& [name, one] : macros_) {
    if (!begin(shader_macro_words_max)) return endless();
    if (!expand_bodies(one, {&one.parameters, 1}, 0))
      return refused("the macro ", name, shader_macro_words_max);
  }
  for (const auto& one : conditions_) {
    if (!begin(shader_condition_words_max)) return endless();
    if (expand(one, {}, 0)) continue;
    std::string shown;
    for (std::size_t i = 0; i < std::min<std::size_t>(one.size(), 12); ++i) shown += one[i];
    return refused("the condition ", shown, shader_condition_words_max);
  }
  return {};
}

result<void> shader_macros::take(std::string_view text) {
  const auto joined = joined_lines(text);
  bool changed = false;
  for (std::size_t at = 0; at < joined.size(); ++at)
    changed = take_line(words_of_line(joined, at)) || changed;
  return changed ? check() : result<void>();
}

}  // namespace graphite
