#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/logical_path.hpp"

namespace graphite {

/// One `{word}` or `{word:argument}` of a text. A brace that does not enclose lower-case letters, digits
/// after them (`out2`) and, after a colon, a name (letters, digits, `_ . + -`) is ordinary text, so `awk '{
/// print $1 }'` and `${HOME}` need no quoting; `{{` stands for a `{` that must not begin a placeholder.
struct placeholder {
  std::string_view word, argument;
  std::size_t offset = 0, length = 0;  ///< bytes, braces included
};

/// The placeholders of `text`, in order; views into it. O(text).
std::vector<placeholder> placeholders_of(std::string_view text);

/// The words that name a source: in dir name stem ext.
const std::vector<std::string_view>& source_placeholder_words();

/// What a source placeholder stands for: `{in}` the whole path, `{dir}` its folder (empty at the root),
/// `{name}` the file name, `{stem}` without its last extension, `{ext}` the extension without its dot.
/// Errors: invalid_argument for another word.
result<std::string_view> source_placeholder(std::string_view word, const logical_path& source);

/// An output template filled in for `source`: a logical path, or a glob of paths where the template has
/// `*`. `{dir}/` vanishes at the root. Errors: invalid_argument for an unknown word or a result that
/// leaves the root or is no path.
result<std::string> expand_output(std::string_view text, const logical_path& source);

}  // namespace graphite
