#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/ids.hpp"

namespace graphite {

/// A file's name inside a view: relative, UTF-8, `/`-separated.
///
/// The only way from text to a name that may be joined to a folder: parse() refuses empty names,
/// absolute ones, `.`, `..` and empty components, NUL and control characters, `\`, malformed UTF-8 and
/// anything over `bytes_max`. Value type, ordered by bytes.
class logical_path {
 public:
  static constexpr std::size_t bytes_max = 1024;
  static constexpr std::size_t component_bytes_max = 255;

  /// Errors: invalid_argument, too_large; the context says which rule was broken.
  static result<logical_path> parse(std::string_view text);

  const std::string& str() const { return text_; }
  std::string_view folder() const;     ///< without trailing `/`; empty at the root
  std::string_view file_name() const;  ///< last component
  std::string_view stem() const;       ///< file_name without its last extension
  std::string_view extension() const;  ///< with its dot, or empty

  /// Resolves `reference` against this file's folder ("../textures/a.png" is common in assets).
  /// Errors: invalid_argument where it would leave the root.
  result<logical_path> resolve(std::string_view reference) const;

  auto operator<=>(const logical_path&) const = default;

 private:
  explicit logical_path(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// XXH3-64 of the path's bytes.
asset_id id_of(const logical_path& path);
asset_id id_of_path_text(std::string_view text);

/// Lower-cases ASCII and the Latin-1, Greek and Cyrillic blocks: two paths with equal folds collide on
/// file systems that ignore case. (Full Unicode folding is not needed to refuse the common twins.)
std::string case_fold(std::string_view utf8);

/// True where `text` is well-formed UTF-8 (no overlong forms, surrogates or code points over 10FFFF).
bool is_utf8(std::string_view text);

}  // namespace graphite

template <>
struct std::hash<graphite::logical_path> {
  std::size_t operator()(const graphite::logical_path& path) const noexcept {
    return std::hash<std::string>{}(path.str());
  }
};
