#include "core/channel_name.hpp"

#include <algorithm>

namespace graphite {

static bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

bool is_channel_name(std::string_view text) {
  return !text.empty() && text.size() <= channel_name_bytes_max && text.front() != '.' &&
         text.front() != '-' && std::all_of(text.begin(), text.end(), is_name_character);
}

}  // namespace graphite
