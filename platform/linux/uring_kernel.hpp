#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace graphite {

/// The least Linux whose io_uring is of use: waiting with a time limit, no lost completions, and announcing
/// while something is under way. What is advised anywhere is made of this.
inline constexpr std::pair uring_kernel_least{5, 13};

/// "Linux 5.13"
inline std::string uring_kernel_text() {
  return fmt::format("Linux {}.{}", uring_kernel_least.first, uring_kernel_least.second);
}

}  // namespace graphite
