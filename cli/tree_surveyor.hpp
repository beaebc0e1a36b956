#pragma once

#include "actors/live_filter.hpp"
#include "actors/survey.hpp"
#include "coordinator/known_sources.hpp"

namespace graphite {

/// Compares the tree at or below `folder` of `root` with `known`; the filter decides what counts.
/// Blocks; thread-safe. Errors: those of scan_and_compare.
result<tree_survey> survey_tree(const std::string& root, const std::string& folder, live_filter& filter,
                                const known_sources& known);

}  // namespace graphite
