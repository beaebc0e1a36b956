#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "core/checksum.hpp"

namespace graphite {

/// \file Arguments that graphite-worker gets from the programs that start it.

/// Alone, before names of transforms: print their libraries and end.
inline constexpr const char* libraries_option = "--libraries";
/// With the mark of the libraries that keys were made from.
inline constexpr std::string_view made_for_option = "--made-for=";

/// Of what `--libraries` prints.
inline std::string libraries_mark(std::string_view lines) {
  return fmt::format("{:016x}", checksum64(as_bytes(lines)));
}

}  // namespace graphite
