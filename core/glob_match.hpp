#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace graphite {

/// Matches one component against `*`, `?` and classes. O(pattern · text) at worst: only the last star
/// is ever retried, which is enough because a later star subsumes an earlier one's choices.
bool match_component(std::string_view pattern, std::string_view text);

/// The same for whole paths, where a component `**` stands for any number of components.
bool match_path(std::string_view pattern, std::string_view path);

/// A pattern for one name, looked at once: most are a literal with at most one star at an end, which needs
/// one comparison. Value type. Same answers as match_component().
class name_pattern {
 public:
  explicit name_pattern(std::string text);
  bool matches(std::string_view name) const;
  const std::string& text() const { return text_; }

 private:
  enum class shape : std::uint8_t { literal, prefix, suffix, other };
  std::string text_;
  shape shape_ = shape::other;
};

/// Whether some path below `folder` could match.
bool match_path_prefix(std::string_view pattern, std::string_view folder);

}  // namespace graphite
