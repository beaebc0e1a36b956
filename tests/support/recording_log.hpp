#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/log.hpp"

namespace graphite::test {

/// Keeps every message. Thread-safe.
class recording_log : public log_sink {
 public:
  void write(log_level, std::string_view message) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(message);
  }
  bool contains(std::string_view part) const {
    const std::lock_guard lock(mutex_);
    for (const auto& line : lines_)
      if (line.find(part) != std::string::npos) return true;
    return false;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace graphite::test
