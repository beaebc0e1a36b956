#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/attempt.hpp"
#include "core/error.hpp"
#include "core/output_set.hpp"
#include "core/ports/scratch_space.hpp"

namespace graphite {

/// What an attempt may leave in its scratch folder. Pure.
class declared_outputs {
 public:
  /// Errors: invalid_argument for an output that is neither a path nor a glob of paths.
  static result<declared_outputs> make(const attempt_spec& spec, const std::optional<logical_path>& depfile);

  /// Paths whose folders are made before the run: tools expect them.
  const std::vector<logical_path>& places() const { return places_; }

  /// The outputs among `entries`, ascending. Inputs that a glob matches are no outputs.
  /// Errors: action_failed: a missing output, a glob without match, a file that was not declared, an output
  /// that is a link or special; the context lists them by name.
  result<std::vector<logical_path>> collect(const std::vector<scratch_entry>& entries) const;

 private:
  bool was_there(std::string_view path) const;

  output_set names_;
  std::vector<std::string> inputs_;  ///< ascending
  std::optional<logical_path> depfile_;
  std::vector<logical_path> places_;
};

}  // namespace graphite
