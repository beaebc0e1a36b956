#pragma once

#include <memory>
#include <string>

#include "core/ports/log.hpp"

namespace graphite {

/// The log of a command: standard error, from `level` on; unknown names mean "info".
std::unique_ptr<log_sink> make_log(const std::string& level, bool json);

}  // namespace graphite
