#pragma once

#include <cstdint>
#include <string_view>

#include "core/error.hpp"
#include "core/units.hpp"

namespace graphite {

/// "50 ms", "2 s", "1.5 min", "1 h": a number and a unit. Errors: invalid_argument, the context names the
/// known units or the one that was meant; a value that is no whole number of milliseconds; too_large.
result<milliseconds> parse_duration(std::string_view text);

/// "4 GiB", "64 KiB", "10 MB", "512 B". Errors: as above, of bytes.
result<std::uint64_t> parse_size(std::string_view text);

/// The same, or a plain number of bytes.
result<std::uint64_t> parse_bytes(std::string_view text);

/// The shortest text that reads back as the value.
std::string duration_text(milliseconds value);
std::string size_text(std::uint64_t bytes);

}  // namespace graphite
