#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/glob.hpp"
#include "core/logical_path.hpp"
#include "core/path_template.hpp"

namespace graphite {

/// What an action may write: paths, and patterns of paths that only the run makes known. A value.
class output_set {
 public:
  output_set() = default;
  /// Errors: invalid_argument for a name that is neither a path nor a glob of paths.
  static result<output_set> make(std::span<const output_name> names);
  /// The outputs of a rule for one source. Errors: as expand_output() and make().
  static result<output_set> expand(std::span<const std::string> templates, const logical_path& source);

  const std::vector<std::string>& exact() const { return exact_; }  ///< ascending
  const std::vector<glob>& wild() const { return wild_; }
  bool declares(std::string_view path) const { return is_exact(path) || any_matches(wild_, path); }
  bool is_exact(std::string_view path) const;
  /// The names for which nothing is among `made`, paths before patterns.
  std::vector<std::string> missing(std::span<const logical_path> made) const;

 private:
  std::vector<std::string> exact_;
  std::vector<glob> wild_;
};

}  // namespace graphite
