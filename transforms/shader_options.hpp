#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/transform_options.hpp"

namespace graphite {

inline constexpr std::size_t shader_variants_max = 64;

/// A letter or `_`, then letters, digits and `_`.
bool is_macro_name(std::string_view name);

struct shader_macro {
  std::string_view name, value;  ///< views into the text
};

/// NAME or NAME=VALUE; without a value it is 1. Errors: invalid_argument.
result<shader_macro> parse_shader_macro(std::string_view text);

struct shader_variant {
  std::string name;                  ///< empty: the shader itself
  std::vector<std::string> defines;  ///< macros
};

/// Each "NAME: MACRO MACRO=VALUE". Errors: invalid_argument (no name, no macro, a name that is there twice),
/// too_large (over shader_variants_max).
result<std::vector<shader_variant>> parse_shader_variants(const std::vector<std::string>& texts);

/// For option_spec::check.
result<void> check_shader_macros(const option_value& value);
result<void> check_shader_variants(const option_value& value);
result<void> check_shader_entry(const option_value& value);

}  // namespace graphite
