#include <algorithm>

#include "kernels/pixel_codes.hpp"

namespace graphite::scalar {

namespace {

/// The mean of what `value` makes of four codes, for each place.
template <typename Value>
void average_codes(const std::uint8_t* upper, const std::uint8_t* lower, Value value, float* out,
                   std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    out[i] =
        ((value(upper[8 * i]) + value(upper[8 * i + 4])) + (value(lower[8 * i]) + value(lower[8 * i + 4]))) *
        0.25f;
}

}  // namespace

void unpack_pixels(const std::uint8_t* rgba, std::span<const code_reader> channels, float* const* rows,
                   std::size_t count) {
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const auto& how = channels[c];
    auto* const out = rows[c];
    if (how.table)
      for (std::size_t i = 0; i < count; ++i) out[i] = (*how.table)[rgba[4 * i + c]];
    else
      for (std::size_t i = 0; i < count; ++i)
        out[i] = (static_cast<float>(rgba[4 * i + c]) * how.scale + how.offset) / how.divisor;
  }
}

void average_pixels(const std::uint8_t* upper, const std::uint8_t* lower,
                    std::span<const code_reader> channels, float* const* rows, std::size_t count) {
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const auto how = channels[c];
    if (how.table)
      average_codes(
          upper + c, lower + c, [&](std::uint8_t code) { return (*how.table)[code]; }, rows[c], count);
    else
      average_codes(
          upper + c, lower + c,
          [&](std::uint8_t code) {
            return (static_cast<float>(code) * how.scale + how.offset) / how.divisor;
          },
          rows[c], count);
  }
}

void pack_pixels(const float* const* rows, std::span<const code_quantizer> channels, std::uint8_t* rgba,
                 std::size_t count) {
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const auto& how = channels[c];
    for (std::size_t i = 0; i < count; ++i) {
      // Zero comes first: std::max takes the first one where the other is NaN.
      const auto clamped = std::min(std::max(0.0f, rows[c][i]), 1.0f);
      const auto index = static_cast<std::int32_t>(clamped * how.scale + 0.5f);
      rgba[4 * i + c] = how.table ? how.table[index] : static_cast<std::uint8_t>(index);
    }
  }
}

}  // namespace graphite::scalar

namespace graphite {

namespace {

/// The bucket of the entries from `begin` on; false where it grows in another way.
bool fill_bucket(std::span<const std::uint8_t> entries, std::size_t bucket, code_steps& out) {
  out.first[bucket] = entries[0];
  std::uint8_t* const steps[] = {&out.step_1[bucket], &out.step_2[bucket]};
  for (auto* step : steps) *step = 255;
  std::size_t found = 0;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i] == entries[i - 1]) continue;
    if (entries[i] != entries[i - 1] + 1 || found == std::size(steps)) return false;
    *steps[found++] = static_cast<std::uint8_t>(i);
  }
  return true;
}

}  // namespace

std::optional<code_steps> steps_of(std::span<const std::uint8_t> table) {
  if (table.size() != code_steps::entries) return std::nullopt;
  code_steps out{};
  constexpr std::size_t coarse = 256;
  for (std::size_t at = 0; at < table.size();) {
    const bool fine = at < code_steps::fine_end;
    const auto shift = fine ? code_steps::fine_shift : code_steps::coarse_shift;
    const auto size = std::size_t{1} << shift;
    if (!fill_bucket(table.subspan(at, size), (fine ? 0 : coarse) + (at >> shift), out)) return std::nullopt;
    at += size;
  }
  return out;
}

}  // namespace graphite
