#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// Numbers of processors and nodes are below this: more than any kernel can be built for.
inline constexpr int cpu_number_max = 1 << 16;

/// The kernel's way of writing numbers of processors or nodes: "0-3,8", blanks around it, empty for none.
/// Ascending, each once. Errors: invalid_argument (no such list, a number of `cpu_number_max` or more).
result<std::vector<int>> parse_cpu_list(std::string_view text);

/// The shortest such text of numbers in ascending order; "none" where there are none.
std::string format_cpu_list(std::span<const int> numbers);

}  // namespace graphite
