#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// The value of one option of a built-in transform.
using option_value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

/// One option as its transform declares it: the one source for checks, messages, `graphite transforms` and
/// docs/transforms.md. The type is that of `standard`.
struct option_spec {
  std::string_view name;
  option_value standard;                       ///< where the rule says nothing
  std::string_view help;                       ///< one sentence
  double least = 0, most = 0;                  ///< of numbers, both inclusive; the same: no bound
  std::vector<std::string_view> choices = {};  ///< of texts; empty: any
  std::string_view unit = {};                  ///< of numbers, for people: "px", "kbit/s"
  /// What else a value of this type must be. Pure. Errors: say what is wrong with it. Null: nothing.
  result<void> (*check)(const option_value& value) = nullptr;
};

/// "true or false", "a whole number from 0 to 16 px", "one of bc1, bc3", … for messages and docs.
std::string kind_of_option(const option_spec& spec);

/// A value as it is written in a project file: `true`, `4`, `0.5`, `"bc7"`, `["a", "b"]`.
std::string option_text(const option_value& value);

/// Brings `value` to the type of the option (a whole number serves for a number) and checks it.
/// Errors: invalid_argument, says what is expected.
result<option_value> checked_option(const option_spec& spec, option_value value);

/// All options of one use of a transform by name, those left out with their standard values. A value.
class option_values {
 public:
  option_values() = default;
  /// The standard values of `specs`, overridden by `given`.
  /// Errors: invalid_argument for an unknown name, a wrong type or a value out of range.
  static result<option_values> make(const std::vector<option_spec>& specs,
                                    const std::map<std::string, option_value, std::less<>>& given);

  /// Each must be an option of the transform, of that type: anything else is a mistake of ours.
  bool flag(std::string_view name) const { return std::get<bool>(at(name)); }
  std::int64_t integer(std::string_view name) const { return std::get<std::int64_t>(at(name)); }
  double number(std::string_view name) const { return std::get<double>(at(name)); }
  const std::string& text(std::string_view name) const { return std::get<std::string>(at(name)); }
  const std::vector<std::string>& texts(std::string_view name) const {
    return std::get<std::vector<std::string>>(at(name));
  }

  const std::map<std::string, option_value, std::less<>>& all() const { return values_; }
  bool operator==(const option_values&) const = default;

  /// Canonical bytes: equal values, equal bytes; part of action keys and of what a worker is sent.
  std::string encode() const;
  /// Errors: corrupt (anything that encode() does not write).
  static result<option_values> decode(std::string_view bytes);

 private:
  const option_value& at(std::string_view name) const;
  std::map<std::string, option_value, std::less<>> values_;
};

}  // namespace graphite
