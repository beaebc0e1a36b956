#pragma once

#include <algorithm>
#include <cstdint>

#include "core/units.hpp"

namespace graphite {

/// How often something may happen.
struct event_rate {
  double per_second = 0;
  double burst = 1;  ///< at once, after a pause
};

/// Says whether one more may happen now: a token bucket (J. Turner, "New directions in communications",
/// IEEE Communications Magazine, 1986).
///
/// Pure; time never runs backwards in it. Begins full.
class rate_limit {
 public:
  explicit rate_limit(event_rate most) : most_(most), left_(most.burst) {}

  /// True, and counted; or false.
  bool take(time_point now) {
    refill(now);
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }
  /// Until the next take() can succeed; zero: now.
  duration wait(time_point now) {
    refill(now);
    if (left_ >= 1) return duration::zero();
    return duration(static_cast<std::int64_t>((1 - left_) / most_.per_second * 1e9) + 1);
  }
  /// As if nothing had ever been taken: there is nothing to remember.
  bool full(time_point now) const { return left_at(now) >= most_.burst; }

 private:
  double left_at(time_point now) const {
    if (now <= at_) return left_;
    const double gone_seconds = static_cast<double>((now - at_).count()) / 1e9;
    return std::min(most_.burst, left_ + gone_seconds * most_.per_second);
  }
  void refill(time_point now) {
    left_ = left_at(now);
    at_ = std::max(at_, now);
  }

  event_rate most_;
  double left_;
  time_point at_{};
};

}  // namespace graphite
