#include "core/did_you_mean.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace graphite {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool starts_with_ignoring_case(std::string_view text, std::string_view beginning) {
  return text.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), text.begin(),
                                                       [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view only_word_beginning_with(std::string_view typed,
                                          const std::vector<std::string_view>& known) {
  if (typed.size() < 2) return {};
  std::string_view found;
  for (const auto word : known) {
    if (!starts_with_ignoring_case(word, typed)) continue;
    if (!found.empty()) return {};
    found = word;
  }
  return found;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, edit_distance_bytes_max);
  b = b.substr(0, edit_distance_bytes_max);
  // Three rows: the one before the last is needed for swaps.
  std::array<std::array<std::size_t, edit_distance_bytes_max + 1>, 3> rows;
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped =
          i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], rows[(i + 1) % 3][j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

std::string_view nearest_word(std::string_view typed, const std::vector<std::string_view>& known) {
  if (typed.empty()) return {};
  std::string_view best;
  auto best_distance = std::max<std::size_t>(1, typed.size() / 3) + 1;
  for (const auto word : known) {
    const auto distance = edit_distance(typed, word);
    // A word of which nothing is left is not near, however short.
    if (distance >= best_distance || distance >= word.size()) continue;
    best = word;
    best_distance = distance;
  }
  return best.empty() ? only_word_beginning_with(typed, known) : best;
}

std::string did_you_mean(std::string_view typed, const std::vector<std::string_view>& known) {
  if (known.empty()) return {};
  if (const auto word = nearest_word(typed, known); !word.empty())
    return "did you mean '" + std::string(word) + "'?";
  constexpr std::size_t listed_max = 12;
  std::string out = "known: ";
  for (std::size_t i = 0; i < std::min(known.size(), listed_max); ++i)
    out.append(i == 0 ? "" : ", ").append(known[i]);
  if (known.size() > listed_max) out += ", …";
  return out;
}

}  // namespace graphite
