#include "core/path_template.hpp"

#include "core/glob.hpp"

namespace graphite {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.' || c == '+' || c == '-';
}

/// The placeholder that begins at `text[at]` == '{', length 0 where none does.
placeholder placeholder_at(std::string_view text, std::size_t at) {
  auto end = at + 1;
  while (end < text.size() && is_lower(text[end])) ++end;
  while (end > at + 1 && end < text.size() && is_digit(text[end])) ++end;
  placeholder out{text.substr(at + 1, end - at - 1), {}, at, 0};
  if (out.word.empty()) return out;
  if (end < text.size() && text[end] == ':') {
    const auto begin = ++end;
    while (end < text.size() && is_name(text[end])) ++end;
    out.argument = text.substr(begin, end - begin);
  }
  if (end < text.size() && text[end] == '}') out.length = end + 1 - at;
  return out;
}

/// Errors where the text has a `..` or empty component or is absolute; wildcards are allowed.
result<void> check_relative(const std::string& text) {
  std::string plain = text;
  for (auto& c : plain)
    if (c == '*' || c == '\\') c = '_';
  GRAPHITE_CHECK(logical_path::parse(plain));
  return {};
}

/// Fills in every placeholder; `as_glob`: the text is a glob, in which the source's name stands for itself.
result<std::string> fill_in(std::string_view text, const logical_path& source, bool as_glob) {
  std::string out;
  std::size_t done = 0;
  for (const auto& found : placeholders_of(text)) {
    out.append(text.substr(done, found.offset - done));
    done = found.offset + found.length;
    if (!found.argument.empty())
      return fail(errc::invalid_argument, "placeholder {" + std::string(found.word) + "} takes no argument");
    GRAPHITE_TRY(const auto value, source_placeholder(found.word, source));
    const bool folder_of_root = value.empty() && found.word == "dir" && out.empty();
    if (folder_of_root && done < text.size() && text[done] == '/') {
      ++done;
      if (as_glob) out += "./";
    }
    out += as_glob ? glob::quoted(value) : std::string(value);
  }
  out.append(text.substr(done));
  return out;
}

}  // namespace

std::vector<placeholder> placeholders_of(std::string_view text) {
  std::vector<placeholder> out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '{') {
      ++at;
    } else if (text.substr(at, 2) == "{{") {
      at += 2;
    } else if (const auto found = placeholder_at(text, at); found.length != 0) {
      out.push_back(found);
      at += found.length;
    } else {
      ++at;
    }
  }
  return out;
}

const std::vector<std::string_view>& source_placeholder_words() {
  static const std::vector<std::string_view> words{"in", "dir", "name", "stem", "ext"};
  return words;
}

result<std::string_view> source_placeholder(std::string_view word, const logical_path& source) {
  if (word == "in") return std::string_view(source.str());
  if (word == "dir") return source.folder();
  if (word == "name") return source.file_name();
  if (word == "stem") return source.stem();
  if (word == "ext") return source.extension().substr(source.extension().empty() ? 0 : 1);
  return fail(errc::invalid_argument, "unknown placeholder {" + std::string(word) + "}");
}

result<std::string> expand_glob(std::string_view text, const logical_path& source) {
  return fill_in(text, source, true);
}

result<output_name> expand_output(std::string_view text, const logical_path& source) {
  output_name out;
  out.wildcard = text.find('*') != std::string_view::npos;
  GRAPHITE_TRY(out.text, fill_in(text, source, out.wildcard));
  if (out.wildcard && out.text.starts_with("./")) out.text.erase(0, 2);
  GRAPHITE_CHECK(check_relative(out.text));
  if (out.wildcard && out.text.find('/') == std::string::npos) out.text.insert(0, "./");
  return out;
}

std::string output_name::folder() const {
  const auto plain = glob::plain_beginning(text);
  const auto slash = plain.rfind('/');
  return slash == std::string::npos ? std::string() : plain.substr(0, slash);
}

}  // namespace graphite
