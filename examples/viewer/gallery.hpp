#pragma once

#include <SDL.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "frame_times.hpp"
#include "tile_maker.hpp"

namespace viewer {

struct texture_deleter {
  void operator()(SDL_Texture* gone) const { SDL_DestroyTexture(gone); }
};
using texture = std::unique_ptr<SDL_Texture, texture_deleter>;

/// Tiles in a grid, and the textures that they are drawn from. One thread.
///
/// A generation is shown as it was published: its textures are made beside the present ones, at most
/// `uploads_max` a frame, and take their places together in one frame. Only the first generation, and one
/// that changes more than together_max pictures, comes tile by tile.
class gallery {
 public:
  static constexpr std::size_t together_max = 512;

  struct counts {
    std::uint64_t generations = 0;           ///< that were shown whole
    std::uint64_t loaded = 0, reloaded = 0;  ///< textures of new and of changed pictures
    std::uint64_t removed = 0, broken = 0;   ///< pictures; those that could not be decoded
  };
  struct place {
    std::string path;
    SDL_Rect picture;
  };

  gallery(SDL_Renderer* renderer, int uploads_max) : renderer_(renderer), uploads_max_(uploads_max) {}

  /// True while nothing is on its way: the next generation may come.
  bool ready() const { return now_ == nullptr; }
  /// Only if ready().
  void begin(const graphite_changes& changes);
  /// Makes at most uploads_max textures. True in the frame in which a generation is whole.
  bool upload(clock::time_point now);
  void draw(const SDL_Rect& area, clock::time_point now);
  void scroll(int rows) { row_ += rows; }

  const counts& counted() const { return counts_; }
  std::size_t pictures() const { return shown_.size(); }
  /// Of the last draw(); those that are wholly to be seen.
  const std::vector<place>& places() const { return places_; }

 private:
  struct shown_tile {
    texture from;
    clock::time_point changed{};  ///< zero: not since it came with the first generation
  };

  texture make_texture(const image& pixels);
  void show(const std::string& path, texture from, bool flashes, clock::time_point now);
  void draw_tile(const shown_tile& what, const SDL_Rect& at, clock::time_point now);

  SDL_Renderer* const renderer_;
  const int uploads_max_;
  std::map<std::string, shown_tile> shown_;
  struct prepared {
    std::string path;
    texture from;  ///< null: it is gone
  };
  std::vector<prepared> prepared_;  ///< of the generation that is on its way
  std::vector<texture> spare_;      ///< bounded by together_max
  generation_ref now_;              ///< that is on its way
  bool together_ = false, first_ = false;
  int row_ = 0;  ///< the topmost one that is drawn
  counts counts_;
  std::vector<place> places_;
  tile_maker maker_;
};

}  // namespace viewer
