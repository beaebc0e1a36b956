#pragma once

#include <algorithm>

#include "core/units.hpp"

namespace graphite {

/// When something that keeps changing is to be looked at: after a pause, and after `pauses_max` times as long
/// however many changes come. Pure: time is an argument.
class settle_timer {
 public:
  static constexpr int pauses_max = 10;

  explicit settle_timer(duration pause) : pause_(pause) {}
  void changed(time_point now) {
    if (due_ == time_point::max()) latest_ = now + pauses_max * pause_;
    due_ = std::min(now + pause_, latest_);
  }
  /// max: nothing has changed.
  time_point due() const { return due_; }
  /// It is being looked at.
  void done() { due_ = time_point::max(); }

 private:
  const duration pause_;
  time_point due_ = time_point::max(), latest_{};
};

}  // namespace graphite
