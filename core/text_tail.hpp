#pragma once

#include <string>
#include <string_view>

namespace graphite {

/// The last `bytes_max` of `text` at most, cut at a line's begin where possible, with a mark where cut;
/// control characters but tab and newline become `?`, malformed UTF-8 U+FFFD.
std::string last_lines(std::string_view text, std::size_t bytes_max);

}  // namespace graphite
