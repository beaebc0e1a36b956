#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// Of one macro, all macros in it expanded; and how deep they may lie in each other.
inline constexpr std::uint64_t shader_macro_words_max = 65'536;
inline constexpr int shader_macro_depth_max = 256;
/// Of what stands behind `#if`, `#elif` or `#line`, expanded: the preprocessor reckons by calls within calls.
inline constexpr std::uint64_t shader_condition_words_max = 4096;
/// What all these checks of one shader may look at.
inline constexpr std::uint64_t shader_macro_checks_max = 1u << 24;

/// What the macros of a shader expand to, reckoned before the preprocessor expands them: a few lines can ask
/// for more words than there is memory, or for more calls within calls than there is stack.
///
/// Never less than what comes: of a macro that is defined in several ways, all bodies count together, also
/// those that conditions leave out. Pure; one thread.
class shader_macros {
 public:
  /// One more file, in the order in which they are included. Errors: too_large, names the macro or condition.
  result<void> take(std::string_view text);

 private:
  using words = std::vector<std::string>;
  struct macro {
    bool call = false;  ///< it has parameters
    words parameters;
    std::vector<words> bodies;
    bool open = false;  ///< being expanded: it is a plain word within itself
  };
  struct scope {
    const words* parameters = nullptr;
    std::uint64_t argument = 1;  ///< words that each of the parameters stands for
  };

  /// True where it has a new body for a macro, or a condition.
  bool take_line(const words& line);
  bool define(const words& line);
  result<void> check();
  /// Adds what `text` expands to to `used_`; false: more than `most_`.
  bool expand(std::span<const std::string> text, const scope& in, int depth);
  bool expand_bodies(macro& of, const scope& in, int depth);

  std::map<std::string, macro, std::less<>> macros_;
  std::vector<words> conditions_;
  std::uint64_t used_ = 0, most_ = 0, checked_ = 0;
};

}  // namespace graphite
