#include "core/transform_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/did_you_mean.hpp"
#include "core/record_codec.hpp"

namespace graphite {

namespace {

constexpr std::size_t options_max = 256, list_max = 1024, text_bytes_max = 64 * KiB;

bool bounded(const option_spec& spec) { return spec.least != spec.most; }

std::string range_of(const option_spec& spec) {
  std::string out;
  if (bounded(spec)) out = fmt::format(" from {} to {}", spec.least, spec.most);
  if (!spec.unit.empty()) out += fmt::format(" {}", spec.unit);
  return out;
}

tl::unexpected<error> unexpected_value(const option_spec& spec, const option_value& value) {
  return fail(errc::invalid_argument,
              fmt::format("'{}' is {}, expected {}", spec.name, option_text(value), kind_of_option(spec)));
}

bool in_range(const option_spec& spec, double value) {
  return std::isfinite(value) && (!bounded(spec) || (value >= spec.least && value <= spec.most));
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

/// What kind a value has on the wire.
enum class tag : std::uint8_t { flag, integer, number, text, texts };

void put(record_writer& out, const option_value& value) {
  out.byte(static_cast<std::uint8_t>(value.index()));
  switch (static_cast<tag>(value.index())) {
    case tag::flag:
      return out.byte(std::get<bool>(value) ? 1 : 0);
    case tag::integer:
      return out.signed_number(std::get<std::int64_t>(value));
    case tag::number:
      return out.number(std::bit_cast<std::uint64_t>(std::get<double>(value)));
    case tag::text:
      return out.bytes(std::get<std::string>(value));
    case tag::texts:
      break;
  }
  const auto& list = std::get<std::vector<std::string>>(value);
  out.number(list.size());
  for (const auto& text : list) out.bytes(text);
}

option_value take(record_reader& in) {
  const auto kind = in.byte();
  switch (static_cast<tag>(kind)) {
    case tag::flag: {
      const auto value = in.byte();
      if (value > 1) in.fault();
      return value == 1;
    }
    case tag::integer:
      return in.signed_number();
    case tag::number:
      return std::bit_cast<double>(in.number());
    case tag::text:
      return std::string(in.bytes(text_bytes_max));
    case tag::texts: {
      std::vector<std::string> list;
      const auto count = in.number_up_to(list_max);
      for (std::uint64_t i = 0; in.ok() && i < count; ++i) list.emplace_back(in.bytes(text_bytes_max));
      return list;
    }
  }
  in.fault();
  return false;
}

}  // namespace

std::string kind_of_option(const option_spec& spec) {
  switch (static_cast<tag>(spec.standard.index())) {
    case tag::flag:
      return "true or false";
    case tag::integer:
      return "a whole number" + range_of(spec);
    case tag::number:
      return "a number" + range_of(spec);
    case tag::texts:
      return "a list of texts";
    case tag::text:
      break;
  }
  if (spec.choices.empty()) return "a text";
  return fmt::format("one of {}", fmt::join(spec.choices, ", "));
}

std::string option_text(const option_value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* text = std::get_if<std::string>(&value)) return in_quotes(*text);
  std::string out;
  for (const auto& text : std::get<std::vector<std::string>>(value))
    out += (out.empty() ? "" : ", ") + in_quotes(text);
  return "[" + out + "]";
}

result<option_value> checked_option(const option_spec& spec, option_value value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  if (std::holds_alternative<double>(spec.standard) && integer != nullptr)
    value = static_cast<double>(*integer);
  if (std::holds_alternative<std::vector<std::string>>(spec.standard) &&
      std::holds_alternative<std::string>(value))
    value = std::vector<std::string>{std::get<std::string>(value)};
  if (value.index() != spec.standard.index()) return unexpected_value(spec, value);
  if (integer != nullptr && std::holds_alternative<std::int64_t>(value) &&
      !in_range(spec, static_cast<double>(*integer)))
    return unexpected_value(spec, value);
  if (const auto* number = std::get_if<double>(&value); number != nullptr && !in_range(spec, *number))
    return unexpected_value(spec, value);
  const auto* text = std::get_if<std::string>(&value);
  if (text != nullptr && !spec.choices.empty() &&
      std::ranges::find(spec.choices, *text) == spec.choices.end())
    return unexpected_value(spec, value);
  if (spec.check == nullptr) return value;
  if (const auto checked = spec.check(value); !checked)
    return fail(errc::invalid_argument, fmt::format("'{}': {}", spec.name, checked.error().context));
  return value;
}

result<option_values> option_values::make(const std::vector<option_spec>& specs,
                                          const std::map<std::string, option_value, std::less<>>& given) {
  option_values out;
  for (const auto& spec : specs) out.values_.emplace(spec.name, spec.standard);
  for (const auto& [name, value] : given) {
    const auto spec = std::ranges::find(specs, name, &option_spec::name);
    if (spec == specs.end()) {
      std::vector<std::string_view> known;
      for (const auto& one : specs) known.push_back(one.name);
      return fail(errc::invalid_argument, fmt::format("no option '{}': {}", name, did_you_mean(name, known)));
    }
    GRAPHITE_TRY(out.values_[name], checked_option(*spec, value));
  }
  return out;
}

const option_value& option_values::at(std::string_view name) const {
  const auto found = values_.find(name);
  GRAPHITE_INVARIANT(found != values_.end());
  return found->second;
}

std::string option_values::encode() const {
  record_writer out;
  out.number(values_.size());
  for (const auto& [name, value] : values_) {
    out.bytes(name);
    put(out, value);
  }
  return out.take();
}

result<option_values> option_values::decode(std::string_view bytes) {
  record_reader in(bytes);
  option_values out;
  const auto count = in.number_up_to(options_max);
  for (std::uint64_t i = 0; in.ok() && i < count; ++i) {
    std::string name(in.bytes(text_bytes_max));
    if (!out.values_.empty() && name <= out.values_.rbegin()->first) in.fault();
    auto value = take(in);
    out.values_.emplace(std::move(name), std::move(value));
  }
  if (!in.ok() || !in.at_end()) return fail(errc::corrupt, "the options of a transform are damaged");
  return out;
}

}  // namespace graphite
