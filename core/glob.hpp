#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/glob_match.hpp"

namespace graphite {

/// A path pattern: `*` and `?` stay inside a component, `**` crosses them, `[a-z]` `[!a-z]` are classes,
/// `{a,b}` alternatives, `\` takes the next character as it is. Matched against a whole logical path. A
/// pattern without `/` matches the file name in any folder (`*.png` means `**/*.png`), one that begins with
/// `./` at the root only. Value type; matches() is O(path · alternatives), no exponential cases.
class glob {
 public:
  static constexpr std::size_t bytes_max = 1024;
  static constexpr std::size_t alternatives_max = 64;

  /// Errors: invalid_argument with what is wrong and at which character.
  static result<glob> parse(std::string_view text);
  /// A pattern that matches `text` and nothing else.
  static std::string quoted(std::string_view text);
  /// What of a pattern without alternatives comes before its first wildcard, as a path.
  static std::string plain_beginning(std::string_view pattern);
  bool matches(std::string_view path) const;
  /// False where nothing below `folder` can match: lets a walk skip it.
  bool may_match_below(std::string_view folder) const;
  const std::string& text() const { return text_; }
  /// What every match begins with.
  std::string prefix() const;
  /// The folder that every match is a file of (empty: the root); nothing where there may be several.
  std::optional<std::string> only_folder() const;

 private:
  std::string text_;
  std::vector<std::string> alternatives_;  ///< brace-free
  std::vector<name_pattern> names_;        ///< of the alternatives that are one name in any folder
};

/// True where any of `globs` matches.
bool any_matches(const std::vector<glob>& globs, std::string_view path);

/// The rules of git's ignore files, those of deeper folders last.
/// Source of the semantics: gitignore(5).
class ignore_rules {
 public:
  /// Adds one file's lines; `folder` is where the file lies (empty: the root). Lines that git would not
  /// understand are skipped as git does.
  void add(std::string_view folder, std::string_view file_text);
  /// Forgets what was added for `folder`.
  void remove(std::string_view folder);
  /// Whether git would ignore `path`; a file below an ignored folder is ignored.
  bool ignored(std::string_view path, bool is_folder) const;
  /// The same where no folder above `path` is ignored.
  bool ignored_itself(std::string_view path, bool is_folder) const;
  bool empty() const { return lines_.empty(); }

 private:
  struct line {
    std::string folder;
    name_pattern pattern;
    bool negated = false, folder_only = false, anchored = false;
  };
  std::vector<line> lines_;
};

}  // namespace graphite
