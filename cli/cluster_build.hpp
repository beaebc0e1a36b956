#pragma once

#include <optional>

#include "cli/build.hpp"

namespace graphite {

/// Has the coordinator of `options` build the project, waits, and ends as print_build() does: the exit code.
/// Nothing where the cluster is away and this machine is to build instead, which is said.
std::optional<int> build_on_cluster(const build_options& options);

}  // namespace graphite
