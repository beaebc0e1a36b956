#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/attempt.hpp"
#include "core/error.hpp"
#include "core/ports/process_runner.hpp"

namespace graphite {

/// What a transform wants run for one attempt.
struct process_plan {
  process_spec process;                 ///< its working folder is the scratch folder
  std::optional<logical_path> depfile;  ///< read after the run, no output
};

/// Where an attempt takes place: absolute folders. The view's is where its sources lie, empty: not known.
struct attempt_place {
  std::string working_folder, temporary_folder, view_folder;
};

/// What a depfile says was read, below the scratch folder or the view; ascending. The main input, outputs
/// and programs are left out.
struct depfile_reading {
  std::vector<logical_path> inputs;
  std::vector<logical_path> others;  ///< no inputs: the tool's own, or read behind our back
};

/// A transform that is a program run once. Pure and thread-safe; implemented in transforms/, injected
/// into node/ because the two know nothing of each other.
class process_transform {
 public:
  virtual ~process_transform() = default;
  /// Errors: invalid_argument where the options cannot be filled in.
  virtual result<process_plan> plan(const attempt_spec& spec, const attempt_place& place) const = 0;
  /// Hostile bytes are expected. Errors: corrupt, too_large.
  virtual result<depfile_reading> discovered(const attempt_spec& spec, const attempt_place& place,
                                             std::string_view depfile) const = 0;
  /// A path that a tool named, as one of the view or the scratch folder; nothing for any other.
  virtual std::optional<logical_path> logical(const std::string& path, const attempt_place& place) const = 0;
  /// Why a run failed, for people, at most 16 KiB; empty where it succeeded.
  virtual std::string failure(const attempt_spec& spec, const process_outcome& outcome) const = 0;
};

}  // namespace graphite
