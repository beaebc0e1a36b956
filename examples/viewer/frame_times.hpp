#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace viewer {

using clock = std::chrono::steady_clock;

/// How long things took, each to 10 µs, up to 200 ms; what is longer counts as that, but for worst_ms().
class time_histogram {
 public:
  void add(clock::duration took);
  /// 0 < `share` <= 1; 0 where nothing was added.
  double percentile_ms(double share) const;
  double worst_ms() const { return std::chrono::duration<double, std::milli>(worst_).count(); }

 private:
  static constexpr std::size_t buckets = 20'000;
  std::array<std::uint32_t, buckets> counts_{};
  std::uint64_t total_ = 0;
  clock::duration worst_{};
};

/// Frames in their slots: says when the next one is due, and how the former ones came.
class frame_times {
 public:
  explicit frame_times(double hz) : period_(static_cast<clock::rep>(1e9 / hz)) {}

  /// A frame begins.
  void begin(clock::time_point now);
  /// Its work is done; when the next one begins. Slots that this one ran over are dropped.
  clock::time_point end(clock::time_point now);

  clock::duration period() const { return period_; }
  std::uint64_t frames() const { return frames_; }
  std::uint64_t dropped() const { return dropped_; }
  const time_histogram& frame() const { return frame_; }  ///< from beginning to beginning
  const time_histogram& work() const { return work_; }    ///< without the wait
  /// The last ones from beginning to beginning, the oldest first.
  std::vector<clock::duration> last() const;

 private:
  static constexpr std::size_t last_max = 480;

  const clock::duration period_;
  clock::time_point begun_{}, slot_{};
  std::uint64_t frames_ = 0, dropped_ = 0;
  time_histogram frame_, work_;
  std::array<clock::duration, last_max> last_{};
};

}  // namespace viewer
