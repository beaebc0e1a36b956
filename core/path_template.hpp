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

/// An output of an action. Whether it is a wildcard is decided by the template: a source's name may hold
/// any character, and is itself.
struct output_name {
  std::string
      text;  ///< a logical path; of a wildcard a glob (core/glob.hpp), at the root where it has no `/`
  bool wildcard = false;  ///< only the run makes known which paths these are
  auto operator<=>(const output_name&) const = default;
  /// The folder that all matches of a wildcard lie in; empty: the root.
  std::string folder() const;
};

/// An output template filled in for `source`; one with `*` is a wildcard. `{dir}/` vanishes at the root.
/// Errors: invalid_argument for an unknown word or a result that leaves the root or is no path.
result<output_name> expand_output(std::string_view text, const logical_path& source);

/// A template of input globs filled in for `source`; the source's name stands for itself, and `{dir}/` at
/// the root for the root alone. Errors: invalid_argument for an unknown word. The result may be no glob.
result<std::string> expand_glob(std::string_view text, const logical_path& source);

}  // namespace graphite
