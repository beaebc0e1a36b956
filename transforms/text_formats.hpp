#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace graphite {

/// \file The formats of the transform `text`. Each minified_X() checks all of `text` and returns it without
/// what only people need. Pure. Errors: corrupt with line and column, too_large (depth).

inline constexpr std::size_t text_bytes_max = 256u << 20;
inline constexpr std::size_t text_depth_max = 512;  ///< elements, objects and arrays in each other

/// "line 3, column 7: ", both from 1, columns in bytes.
std::string text_place(std::string_view text, std::size_t offset);

/// RFC 8259, without a key twice in one object. A byte order mark is taken and dropped.
result<std::string> minified_json(std::string_view text);

/// XML 1.0 (fifth edition) without entity declarations, in the encodings that expat knows; not validated
/// against a schema.
result<std::string> minified_xml(std::string_view text);

/// TOML 1.0.
result<std::string> minified_toml(std::string_view text);

/// The second half of minified_toml(): any text is taken, of what is not TOML something comes out.
std::string without_toml_comments(std::string_view text);

}  // namespace graphite
