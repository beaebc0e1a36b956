#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/ports/log.hpp"
#include "core/rate_limit.hpp"

namespace graphite {

/// Lines of a log that strangers cause: they must not fill it. As many as `most` says are written, the others
/// are counted, and the next one that is written has their number before it. Pure but for the log. One
/// thread.
class limited_log {
 public:
  /// `to` may be null, and outlives the object. `about`: what the lines are of, "refused peers".
  limited_log(log_sink* to, event_rate most, std::string about)
      : to_(to), most_(most), about_(std::move(about)) {}

  void write(log_level level, std::string_view text, time_point now) {
    if (to_ == nullptr) return;
    if (!most_.take(now)) {
      ++unwritten_;
      return;
    }
    if (const auto more = std::exchange(unwritten_, 0); more > 0)
      to_->warn("{} further lines about {} were not written", more, about_);
    to_->write(level, text);
  }

 private:
  log_sink* const to_;
  rate_limit most_;
  const std::string about_;
  std::uint64_t unwritten_ = 0;
};

}  // namespace graphite
