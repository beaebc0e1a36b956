#pragma once

#include <simdjson.h>

#include <cmath>
#include <string>

#include "core/error.hpp"

namespace graphite {

/// A value of a glTF document with what it is called in messages: "accessor 3". Members are checked for
/// their type when they are asked for. A value; the parser must outlive it.
struct gltf_value {
  simdjson::dom::element json;
  std::string what;

  tl::unexpected<error> bad(const std::string& why) const {
    return fail(errc::corrupt, what.empty() ? why : what + ": " + why);
  }

  bool has(std::string_view key) const { return json[key].error() == simdjson::SUCCESS; }

  /// A whole number from 0 to `most`; `standard` where it is left out.
  result<std::uint64_t> whole(std::string_view key, std::uint64_t standard, std::uint64_t most) const {
    auto found = json[key];
    if (found.error()) return standard;
    std::uint64_t value = 0;
    if (double number = 0; found.get(value) != simdjson::SUCCESS) {
      // JSON writers may write 3.0.
      if (found.get(number) || !(number >= 0 && number <= 9e15) || number != std::floor(number))
        return bad("'" + std::string(key) + "' is no whole number");
      value = static_cast<std::uint64_t>(number);
    }
    if (value > most)
      return bad("'" + std::string(key) + "' is " + std::to_string(value) + ", over " + std::to_string(most));
    return value;
  }

  /// A number of a list of `count` things; mesh_none (2^32 − 1) where it is left out.
  result<std::uint32_t> index(std::string_view key, std::size_t count) const {
    if (!has(key)) return 0xffff'ffffu;
    if (count == 0) return bad("'" + std::string(key) + "' names what is not there");
    GRAPHITE_TRY(const auto value, whole(key, 0, count - 1));
    return static_cast<std::uint32_t>(value);
  }

  /// Fills `values` with the numbers of a list of just that length; true where it is there.
  template <class Values>
  result<bool> numbers(std::string_view key, Values& values) const {
    auto found = json[key];
    if (found.error()) return false;
    simdjson::dom::array list;
    if (found.get(list) || list.size() != values.size())
      return bad("'" + std::string(key) + "' is no list of " + std::to_string(values.size()) + " numbers");
    std::size_t i = 0;
    for (auto one : list) {
      double number = 0;
      if (one.get(number) || !(std::abs(number) <= 3e38))
        return bad("'" + std::string(key) + "' has what is no number");
      values[i++] = static_cast<float>(number);
    }
    return true;
  }

  result<void> number(std::string_view key, float& value) const {
    auto found = json[key];
    double number = 0;
    if (found.error()) return {};
    if (found.get(number) || !(std::abs(number) <= 3e38))
      return bad("'" + std::string(key) + "' is no number");
    value = static_cast<float>(number);
    return {};
  }

  /// Empty where it is left out or no text.
  std::string_view text(std::string_view key) const {
    std::string_view out;
    return json[key].get(out) ? std::string_view() : out;
  }

  bool flag(std::string_view key) const {
    bool out = false;
    return !json[key].get(out) && out;
  }

  /// Empty (no list) where it is left out.
  result<simdjson::dom::array> list(std::string_view key) const {
    auto found = json[key];
    simdjson::dom::array out;
    if (found.error() || found.get(out)) return bad("'" + std::string(key) + "' is no list");
    return out;
  }

  /// An object of this one; `found` says whether it is there.
  result<gltf_value> object(std::string_view key) const {
    auto found = json[key];
    simdjson::dom::element out;
    if (found.get(out) || !out.is_object()) return bad("'" + std::string(key) + "' is no object");
    return gltf_value{out, what.empty() ? std::string(key) : what + ": " + std::string(key)};
  }
};

}  // namespace graphite
