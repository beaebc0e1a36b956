#pragma once

#include <SDL.h>

#include "frame_times.hpp"
#include "gallery.hpp"

namespace viewer {

/// The strip with frame times and counts: text that is drawn anew a few times a second, and a graph. One
/// thread.
class dashboard {
 public:
  static constexpr int height = 112;

  explicit dashboard(SDL_Renderer* renderer) : renderer_(renderer) {}

  struct facts {
    const frame_times& times;
    const gallery& pictures;
    std::uint64_t swaps = 0, sequence = 0;
  };
  /// Whether the text is old: what it costs to gather its facts is for the caller to spare.
  bool due(clock::time_point now) const { return now >= next_; }
  void write(const facts& now, clock::time_point at);
  void draw(const SDL_Rect& area, const frame_times& times);

 private:
  SDL_Renderer* const renderer_;
  texture text_;
  clock::time_point next_{};
};

}  // namespace viewer
