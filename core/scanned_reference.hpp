#pragma once

#include <compare>
#include <vector>

#include "core/logical_path.hpp"

namespace graphite {

/// One reference found in a source's bytes: the paths it may mean, in search order, without duplicates.
struct scanned_reference {
  std::vector<logical_path> candidates;  ///< the first that exists is meant; the others "did not exist"
  bool required = false;
  bool at_run = false;  ///< see reference_spec::at_run
  auto operator<=>(const scanned_reference&) const = default;
};

}  // namespace graphite
