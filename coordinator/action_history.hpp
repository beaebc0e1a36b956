#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/action_key.hpp"
#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/ports/hasher.hpp"
#include "core/sandbox.hpp"

namespace graphite {

/// One thing that an action's key is made of, in words: "argv", "tool gcc", "input a/b.h" …; what it was
/// worth. Digests are cut to 16 hexadecimal digits; a longer text ends with the digest of all of it.
struct key_component {
  static constexpr std::size_t name_bytes_max = 160, value_bytes_max = 160;
  std::string name, value;
  bool operator==(const key_component&) const = default;
};

/// A component that differs between two keys. Absent: it was, or is, not part of the key.
struct key_difference {
  std::string name;
  std::optional<std::string> before, after;
  bool operator==(const key_difference&) const = default;
};

/// What table::history keeps of an action: its last key, what that differed in from the one before, and
/// which file led to the run. A value. Encoded at most bytes_max: what does not fit is left out and counted.
struct action_history {
  static constexpr std::size_t bytes_max = 2'048;
  static constexpr std::size_t cause_bytes_max = 256;
  static constexpr std::size_t components_bytes_max = 1'200, changed_bytes_max = 450;

  std::string reason;  ///< "changed", "appeared" …; empty: not known
  std::string cause;   ///< the path that `reason` is about, shortened() by fit_components(); empty: none
  std::uint64_t revision = 0;
  digest strong;
  std::vector<key_component> components;
  bool partial = false;  ///< components were left out; the last one then stands for them
  std::vector<key_difference> changed;
  std::uint64_t changed_left_out = 0;
  sandbox_tier sandbox = sandbox_tier::none;  ///< that the command of the result ran in

  bool operator==(const action_history&) const = default;
};

/// Cuts `text` to `max` bytes at a character's begin; a cut one ends with 16 digits of its SHA-256.
std::string shortened(const hasher& hash, std::string_view text, std::size_t max);

/// What a recipe's key is made of.
std::vector<key_component> components_of(const hasher& hash, const action_recipe& recipe);

/// In the order of `after`, then what is gone. What one side may have left out is no difference.
std::vector<key_difference> differences(const std::vector<key_component>& before, bool before_partial,
                                        const std::vector<key_component>& after, bool after_partial);

/// Shortens the cause and keeps the first components that fit into a row; one named "further inputs" stands
/// for the rest.
void fit_components(const hasher& hash, action_history& what);

/// The row's bytes, ≤ bytes_max. `what` went through fit_components().
std::string encode(const action_history& what);
/// Rows of version 1 have no sandbox. Errors: corrupt (anything but what encode() writes), newer_version.
result<action_history> decode_action_history(std::string_view bytes);

/// "name = value" lines, at most `bytes_max` bytes.
std::string as_lines(const std::vector<key_component>& components, std::size_t bytes_max);

/// The row to write where `row` is to follow `stored`: with the differences between the two. Where the key is
/// the same, the stored row stays: it tells of the last change.
std::string following_row(const std::optional<std::string>& stored, std::string row);

}  // namespace graphite
