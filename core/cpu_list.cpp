#include "core/cpu_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace graphite {

namespace {

constexpr std::size_t shown_bytes_max = 64;

/// The number that is all of `text`, and not too large.
std::optional<int> cpu_number(std::string_view text) {
  int out = 0;
  const auto* const end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, out);
  if (text.empty() || text.front() == '-' || failure != std::errc() || stopped != end ||
      out >= cpu_number_max)
    return std::nullopt;
  return out;
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

result<std::vector<int>> parse_cpu_list(std::string_view text) {
  text = without_blanks(text);
  const auto whole = text;
  std::vector<int> out;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto part = text.substr(0, comma);
    const auto dash = part.find('-');
    const auto first = cpu_number(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : cpu_number(part.substr(dash + 1));
    const bool dangling = comma != std::string_view::npos && comma + 1 == text.size();
    if (!first || !last || *last < *first || dangling)
      return fail(errc::invalid_argument,
                  fmt::format("no list of processors: \"{}\"", whole.substr(0, shown_bytes_max)));
    // Before it grows: a text may name the same range again and again.
    if (out.size() > 4 * static_cast<std::size_t>(cpu_number_max))
      return fail(errc::invalid_argument, "a list of processors is too long");
    for (int number = *first; number <= *last; ++number) out.push_back(number);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string format_cpu_list(std::span<const int> numbers) {
  if (numbers.empty()) return "none";
  std::string out;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    out += fmt::format("{}{}", out.empty() ? "" : ",", numbers[i]);
    if (last > i) out += fmt::format("-{}", numbers[last]);
    i = last + 1;
  }
  return out;
}

}  // namespace graphite
