#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "core/ports/log.hpp"

namespace graphite {

struct stderr_log_options {
  log_level level = log_level::info;  ///< less severe messages are dropped
  bool json =
      false;   ///< one object a line: {"time","level","message"}; otherwise text, coloured on a terminal
  int fd = 2;  ///< a test's pipe; not closed
};

/// "debug", "info", "warning" or "error".
std::optional<log_level> log_level_from(std::string_view name);

/// Messages to standard error, one line each, by spdlog. Thread-safe; blocks only as long as the write does.
/// Line feeds and control characters in messages are escaped: one message is one line, whatever a file is
/// called.
std::unique_ptr<log_sink> make_stderr_log(const stderr_log_options& options);

}  // namespace graphite
