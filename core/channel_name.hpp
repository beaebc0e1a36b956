#pragma once

#include <string_view>

namespace graphite {

/// Bytes of a channel's name at most.
inline constexpr std::size_t channel_name_bytes_max = 64;

/// The one rule for channels' names, which name folders and topics, too: 1 … channel_name_bytes_max of ASCII
/// letters, digits, `_`, `.` and `-`, not beginning with `.` or `-`.
bool is_channel_name(std::string_view text);

}  // namespace graphite
