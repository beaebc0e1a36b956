#include "cli/doctor/finding.hpp"

#include <fmt/format.h>

#include <array>

namespace graphite::doctor {

std::string_view name_of(finding_state state) {
  constexpr std::array<std::string_view, 4> names{"ok", "note", "warning", "bad"};
  return names[static_cast<std::size_t>(state)];
}

std::string text_of_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; size >= 1023.95 && unit + 1 < units.size(); ++unit) size /= 1024;
  const auto digits = fmt::format("{:.1f}", size);
  return fmt::format("{} {}", digits.ends_with(".0") ? digits.substr(0, digits.size() - 2) : digits,
                     units[unit]);
}

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace graphite::doctor
