#include "core/messages/heads.hpp"

#include <algorithm>

namespace graphite {

static bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

bool is_channel_text(std::string_view text) {
  return !text.empty() && text.size() <= channel_state::name_bytes_max && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), is_name_character);
}

}  // namespace graphite
