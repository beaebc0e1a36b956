#include "transforms/shader_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/logical_path.hpp"

namespace graphite {

namespace {

constexpr std::size_t variant_name_bytes_max = 64, entry_bytes_max = 255;
constexpr std::string_view letters_and_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

bool is_variant_name(std::string_view name) {
  return !name.empty() && name.size() <= variant_name_bytes_max && std::ranges::all_of(name, [](char c) {
    return c == '-' || letters_and_digits.find(c) != letters_and_digits.npos;
  });
}

result<shader_variant> parse_variant(std::string_view text) {
  shader_variant out;
  const auto colon = text.find(':');
  out.name = text.substr(0, colon);
  if (!is_variant_name(out.name))
    return fail(errc::invalid_argument,
                fmt::format("the variant `{}`: it begins with a name of letters, digits, _ and -", text));
  auto rest = colon == text.npos ? std::string_view() : text.substr(colon + 1);
  while (!rest.empty()) {
    const auto word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (word.empty()) continue;
    if (const auto macro = parse_shader_macro(word); !macro)
      return fail(macro.error().code, fmt::format("the variant `{}`: {}", out.name, macro.error().context));
    out.defines.emplace_back(word);
  }
  return out;
}

}  // namespace

bool is_macro_name(std::string_view name) {
  return !name.empty() && name.find_first_not_of(letters_and_digits) == name.npos &&
         (name[0] < '0' || name[0] > '9');
}

result<shader_macro> parse_shader_macro(std::string_view text) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  const auto value = equals == text.npos ? "1" : text.substr(equals + 1);
  if (!is_macro_name(name) || value.find_first_of(std::string_view("\n\r\\\0", 4)) != value.npos)
    return fail(errc::invalid_argument, fmt::format("`{}` is no macro: NAME or NAME=VALUE", text));
  return shader_macro{name, value};
}

result<std::vector<shader_variant>> parse_shader_variants(const std::vector<std::string>& texts) {
  if (texts.size() > shader_variants_max)
    return fail(errc::too_large, fmt::format("{} variants: at most {}", texts.size(), shader_variants_max));
  std::vector<shader_variant> out;
  std::set<std::string> names;
  for (const auto& text : texts) {
    GRAPHITE_TRY(auto one, parse_variant(text));
    if (!names.insert(case_fold(one.name)).second)
      return fail(errc::invalid_argument, fmt::format("the variant `{}` is there twice", one.name));
    out.push_back(std::move(one));
  }
  return out;
}

result<void> check_shader_macros(const option_value& value) {
  for (const auto& text : std::get<std::vector<std::string>>(value)) GRAPHITE_CHECK(parse_shader_macro(text));
  return {};
}

result<void> check_shader_variants(const option_value& value) {
  GRAPHITE_CHECK(parse_shader_variants(std::get<std::vector<std::string>>(value)));
  return {};
}

result<void> check_shader_entry(const option_value& value) {
  const auto& name = std::get<std::string>(value);
  if (is_macro_name(name) && name.size() <= entry_bytes_max) return {};
  return fail(errc::invalid_argument, fmt::format("`{}` is no name of a function", name));
}

}  // namespace graphite
