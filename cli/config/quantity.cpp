#include "cli/config/quantity.hpp"

#include <fmt/format.h>

#include <span>
#include <vector>

#include "core/did_you_mean.hpp"

namespace graphite {

namespace {

__extension__ using wide = unsigned __int128;

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr unit duration_units[] = {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}};
constexpr unit size_units[] = {{"B", 1},          {"KiB", KiB},          {"MiB", MiB},
                               {"GiB", GiB},      {"TiB", 1024 * GiB},   {"kB", 1000},
                               {"MB", 1'000'000}, {"GB", 1'000'000'000}, {"TB", 1'000'000'000'000}};

/// Known words for what people write instead.
constexpr std::pair<std::string_view, std::string_view> meant_units[] = {
    {"sec", "s"},    {"secs", "s"},     {"second", "s"},    {"seconds", "s"}, {"m", "min"},
    {"mins", "min"}, {"minute", "min"}, {"minutes", "min"}, {"hour", "h"},    {"hours", "h"},
    {"msec", "ms"},  {"millis", "ms"},  {"K", "KiB"},       {"k", "KiB"},     {"KB", "kB"},
    {"M", "MiB"},    {"G", "GiB"},      {"T", "TiB"},       {"kib", "KiB"},   {"mib", "MiB"},
    {"gib", "GiB"},  {"mb", "MB"},      {"gb", "GB"},       {"byte", "B"},    {"bytes", "B"},
    {"b", "B"}};

std::string unit_hint(std::string_view typed, std::span<const unit> units) {
  std::vector<std::string_view> names;
  for (const auto& known : units) names.push_back(known.name);
  for (const auto& [word, meant] : meant_units)
    if (word == typed)
      for (const auto name : names)
        if (name == meant) return "did you mean '" + std::string(meant) + "'?";
  std::string out = "known units:";
  for (const auto name : names) out.append(" ").append(name);
  return out;
}

/// Whole and fractional digits of the number at the front; takes it off `text`.
struct decimal {
  std::uint64_t digits = 0, scale = 1;
};

result<decimal> take_decimal(std::string_view& text) {
  constexpr std::uint64_t digits_max = 1'000'000'000'000'000;
  decimal out;
  std::size_t at = 0;
  bool any = false, point = false;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !point) {
      point = true;
      continue;
    }
    if (text[at] < '0' || text[at] > '9') break;
    if (out.digits >= digits_max) return fail(errc::too_large, "the number is too large");
    out.digits = out.digits * 10 + static_cast<std::uint64_t>(text[at] - '0');
    if (point) out.scale *= 10;
    any = true;
  }
  if (!any) return fail(errc::invalid_argument, "there is no number at the beginning");
  text.remove_prefix(at);
  return out;
}

result<std::uint64_t> parse_quantity(std::string_view text, std::span<const unit> units,
                                     std::string_view whole) {
  GRAPHITE_TRY(const auto number, take_decimal(text));
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  for (const auto& known : units) {
    if (text != known.name) continue;
    const auto product = static_cast<wide>(number.digits) * known.factor;
    if (product % number.scale != 0)
      return fail(errc::invalid_argument, fmt::format("it is no whole number of {}", whole));
    if (product / number.scale > INT64_MAX) return fail(errc::too_large, "the value is too large");
    return static_cast<std::uint64_t>(product / number.scale);
  }
  const auto what = text.empty() ? std::string("it has no unit") : fmt::format("unknown unit '{}'", text);
  return fail(errc::invalid_argument, what + ": " + unit_hint(text, units));
}

std::string quantity_text(std::uint64_t value, std::span<const unit> units) {
  const unit* best = units.data();
  for (const auto& known : units)
    if (value != 0 && value % known.factor == 0 && known.factor > best->factor) best = &known;
  return fmt::format("{} {}", value / best->factor, best->name);
}

}  // namespace

result<milliseconds> parse_duration(std::string_view text) {
  GRAPHITE_TRY(const auto value, parse_quantity(text, duration_units, "milliseconds"));
  return milliseconds(static_cast<std::int64_t>(value));
}

result<std::uint64_t> parse_size(std::string_view text) { return parse_quantity(text, size_units, "bytes"); }

result<std::uint64_t> parse_bytes(std::string_view text) {
  const bool number = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  return parse_size(number ? std::string(text) + " B" : std::string(text));
}

std::string duration_text(milliseconds value) {
  return quantity_text(static_cast<std::uint64_t>(value.count()), duration_units);
}

std::string size_text(std::uint64_t bytes) { return quantity_text(bytes, std::span(size_units).first(5)); }

}  // namespace graphite
