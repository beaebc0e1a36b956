#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "cli/terminal.hpp"
#include "core/units.hpp"

namespace graphite {

/// Where a long piece of work stands.
struct progress_state {
  std::uint64_t done = 0, total = 0;  ///< total 0: not known yet
  std::string now;                    ///< what runs now, for people
};

struct progress_options {
  std::string title;  ///< "building"
  std::string unit = "actions";
  terminal_info terminal;                         ///< of the stream `write` goes to
  duration redraw = milliseconds(100);            ///< of a bar, at most this often
  duration line_every = std::chrono::seconds(5);  ///< of a plain line
};

/// A bar with done/total, rate, time left and what runs now on a terminal; elsewhere a plain line now and
/// then.
///
/// Time is an argument. One thread at a time. Writes nothing for work that ends before the first redraw.
class progress {
 public:
  using writer = std::function<void(std::string_view bytes)>;
  progress(progress_options options, writer write, time_point start);

  void update(const progress_state& state, time_point now);
  /// Removes the bar, or ends with a plain line. Call it before anything else is written to the stream.
  void finish(time_point now);

  /// "[#####>    ] 12/34 actions  5.1/s  0:04 left  textures/a.png", at most `columns` wide. Pure.
  static std::string bar(const progress_options& options, const progress_state& state, duration elapsed);
  /// "building: 12/34 actions, 5.1/s, 0:04 left". Pure.
  static std::string plain(const progress_options& options, const progress_state& state, duration elapsed);

 private:
  progress_options options_;
  writer write_;
  time_point start_, last_;
  progress_state state_;
  bool drawn_ = false;
};

}  // namespace graphite
