#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/revision.hpp"

namespace graphite {

/// What a look at the tree found, against what was known.
struct tree_survey {
  std::vector<rescan_change> differences;
  std::vector<std::pair<std::string, std::string>> skipped;  ///< path, reason
  std::vector<std::pair<std::string, std::string>> links;    ///< followed: path, target
  std::set<std::string, std::less<>> twins;                  ///< paths left out: another differs only in case
};

}  // namespace graphite
