#include "frame_times.hpp"

#include <algorithm>
#include <cmath>

namespace viewer {

void time_histogram::add(clock::duration took) {
  const auto bucket = std::max<std::int64_t>(took / std::chrono::microseconds(10), 0);
  ++counts_[std::min(static_cast<std::size_t>(bucket), buckets - 1)];
  ++total_;
  worst_ = std::max(worst_, took);
}

double time_histogram::percentile_ms(double share) const {
  auto left = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(total_)));
  for (std::size_t i = 0; i < buckets && total_ != 0; ++i)
    if ((left -= counts_[i]) <= 0) return std::min(0.01 * static_cast<double>(i + 1), worst_ms());
  return 0;
}

void frame_times::begin(clock::time_point now) {
  if (frames_ == 0) {
    slot_ = now;
  } else {
    frame_.add(now - begun_);
    last_[(frames_ - 1) % last_max] = now - begun_;
  }
  begun_ = now;
  ++frames_;
}

clock::time_point frame_times::end(clock::time_point now) {
  work_.add(now - begun_);
  slot_ += period_;
  if (now > slot_) {
    const auto over = (now - slot_) / period_ + 1;
    dropped_ += static_cast<std::uint64_t>(over);
    slot_ += over * period_;
  }
  return slot_;
}

std::vector<clock::duration> frame_times::last() const {
  const std::uint64_t known = frames_ == 0 ? 0 : frames_ - 1;
  std::vector<clock::duration> out;
  for (auto i = known - std::min<std::uint64_t>(known, last_max); i < known; ++i)
    out.push_back(last_[i % last_max]);
  return out;
}

}  // namespace viewer
