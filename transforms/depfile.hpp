#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/units.hpp"

namespace graphite {

struct depfile_options {
  std::size_t bytes_max = 8 * MiB;
  std::size_t paths_max = 65'536;
  std::size_t path_bytes_max = 4096;
};

/// The prerequisites of every rule of a make-style dependency file, in order, each once; targets are
/// checked and dropped. Understands what compilers write: several targets and rules, `\` line ends,
/// `\ ` and `\#` escapes, `$$`, CRLF, `C:/x` drive letters, comments; a rule without prerequisites
/// (`-MP`) adds none. Any bytes are accepted as input. O(bytes).
/// Errors: corrupt (no colon, a NUL byte) with the line; too_large.
result<std::vector<std::string>> parse_depfile(std::string_view text, const depfile_options& options = {});

}  // namespace graphite
