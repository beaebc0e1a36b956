#pragma once

#include <graphite.hpp>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "image.hpp"

namespace viewer {

/// A reference to one generation: it stays mapped, whatever becomes current meanwhile.
using generation_ref = std::shared_ptr<const graphite_bundle>;
generation_ref hold(const graphite_bundle* generation);

/// What one generation changes.
struct batch {
  generation_ref before, now;  ///< before: null where everything is new
  std::vector<std::uint64_t> changed, removed;
};

inline constexpr int picture_side = 96;
inline constexpr int tile_height = picture_side + glyph_height + 6;  ///< the name is below

/// The picture of one asset with its name below, ready to be drawn.
struct tile {
  enum class state { good, broken, gone };

  std::string path;
  state what = state::gone;
  image pixels;  ///< picture_side by tile_height, opaque; empty where it is gone
};

/// Reads, decodes and shrinks in a thread of its own what would make a frame too long.
///
/// All tiles of a batch come from one generation. One batch at a time; at most ready_max tiles wait.
class tile_maker {
 public:
  tile_maker();
  ~tile_maker();
  tile_maker(const tile_maker&) = delete;
  tile_maker& operator=(const tile_maker&) = delete;

  /// Not before the former one is done().
  void begin(batch next);
  /// The next tile, by path. Nothing: none is ready.
  std::optional<tile> take();
  /// Every tile of the batch was taken.
  bool done();

 private:
  static constexpr std::size_t ready_max = 32;

  void run();
  void make(const batch& from);
  bool put(tile made);

  std::mutex mutex_;  ///< guards all below
  std::condition_variable changed_;
  std::optional<batch> next_;
  std::deque<tile> ready_;
  bool working_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace viewer
