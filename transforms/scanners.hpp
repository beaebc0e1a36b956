#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/logical_path.hpp"
#include "core/project.hpp"
#include "core/scanned_reference.hpp"

namespace graphite {

/// The bounds of one scan. Beyond them a scan stops quietly: what was found until there counts.
struct scan_options {
  std::uint64_t bytes_scanned_max = 16 * MiB;  ///< of one file, from its beginning
  std::size_t references_max = 65'536;         ///< of one file
  std::size_t matches_max = 262'144;           ///< of one pattern in one file, those passed over included
  std::size_t reference_bytes_max = 1024;      ///< a longer text is no path
};

/// Finds the files that a source names in its bytes, as its rule's `references` say.
///
/// Immutable once made and thread-safe; reads nothing but the bytes it is given. Any bytes are accepted:
/// malformed input gives fewer references, never a failure. Patterns match bytes, whatever the encoding.
/// RE2 has no backtracking, a match of over 8 KiB may be missed, and time and memory are bounded by
/// scan_options for every pattern.
///
/// What a found text may mean, in order: relative to the file's folder or to the root as `relative_to`
/// says (a text that starts with `/` always means the root), then below each folder of `search` (`.` is
/// the root). Texts that leave the root or are no paths (URLs, `data:`) are passed over.
class scanner {
 public:
  /// Compiles the patterns. Errors: invalid_argument for a bad pattern or an unknown scanner, with the
  /// place in the pattern where RE2 tells it.
  static result<scanner> make(const std::vector<reference_spec>& references, scan_options options = {});

  /// References in the order of `references`, then of the file, each list of candidates once. A file
  /// never refers to itself.
  std::vector<scanned_reference> scan(const logical_path& path, std::span<const std::byte> bytes) const;

  /// True where scan() finds nothing in any file: the bytes need not be read for it.
  bool empty() const;

 private:
  struct compiled;
  std::shared_ptr<const compiled> compiled_;
};

/// Whether `pattern` is usable in reference_spec::pattern: valid RE2 with exactly one capturing group and
/// within 16 MiB compiled. Where the group takes no part in a match, the match is passed over: so
/// `#.*|"([^"]+\.png)"` steps over comments. Errors: invalid_argument, the context says what is wrong.
result<void> check_reference_pattern(std::string_view pattern);

/// The names for reference_spec::scanner, ascending.
const std::vector<std::string_view>& scanner_names();

}  // namespace graphite
