#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/log.hpp"

namespace graphite::test {

/// Keeps what is logged, from `least` on. Thread-safe.
class recording_log final : public log_sink {
 public:
  explicit recording_log(log_level least = log_level::debug) : least_(least) {}

  void write(log_level level, std::string_view message) override {
    const std::lock_guard lock(mutex_);
    if (level >= least_) lines_.emplace_back(message);
  }
  bool contains(std::string_view part) const {
    const std::lock_guard lock(mutex_);
    for (const auto& line : lines_)
      if (line.find(part) != std::string::npos) return true;
    return false;
  }
  std::size_t count(std::string_view part) const {
    const std::lock_guard lock(mutex_);
    std::size_t out = 0;
    for (const auto& line : lines_) out += line.find(part) != std::string::npos ? 1 : 0;
    return out;
  }
  bool empty() const {
    const std::lock_guard lock(mutex_);
    return lines_.empty();
  }

 private:
  const log_level least_;
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace graphite::test
