#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace graphite {

enum class log_level { debug, info, warning, error };

/// Where messages for operators go. Thread-safe, never throws, never blocks for long.
class log_sink {
 public:
  virtual ~log_sink() = default;
  virtual void write(log_level level, std::string_view message) = 0;

  template <class... Args>
  void debug(fmt::format_string<Args...> text, Args&&... args) {
    write(log_level::debug, fmt::format(text, std::forward<Args>(args)...));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> text, Args&&... args) {
    write(log_level::info, fmt::format(text, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> text, Args&&... args) {
    write(log_level::warning, fmt::format(text, std::forward<Args>(args)...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> text, Args&&... args) {
    write(log_level::error, fmt::format(text, std::forward<Args>(args)...));
  }
};

}  // namespace graphite
