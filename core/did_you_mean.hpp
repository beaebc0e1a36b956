#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace graphite {

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`, over bytes, ASCII
/// case ignored (optimal string alignment distance). O(a · b); texts over `edit_distance_bytes_max` are cut.
std::size_t edit_distance(std::string_view a, std::string_view b);
inline constexpr std::size_t edit_distance_bytes_max = 128;

/// The word of `known` that `typed` was most likely meant to be, or empty where none is near: at most one
/// mistake in three bytes, or `typed` is the beginning of exactly one of them. Ties go to the first.
std::string_view nearest_word(std::string_view typed, const std::vector<std::string_view>& known);

/// `did you mean 'WORD'?` for the nearest, otherwise `known: A, B, …` (at most twelve, then `…`); empty
/// where `known` is.
std::string did_you_mean(std::string_view typed, const std::vector<std::string_view>& known);

}  // namespace graphite
