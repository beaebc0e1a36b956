#pragma once

#include "core/error.hpp"

namespace graphite {

/// Makes the kernels of this process use the instructions that the variable GRAPHITE_SIMD names, where it is
/// set and not empty (kernels/simd_target.hpp has the names). Each program calls it first thing.
///
/// Errors: invalid_argument for a name that is none, unsupported where this machine lacks them; the text
/// begins with the variable. Programs for people then end with exit_usage.
result<void> choose_simd_target();

}  // namespace graphite
