#include "gallery.hpp"

#include <algorithm>
#include <stdexcept>

namespace viewer {
namespace {

constexpr int gap = 10;
constexpr auto flash = std::chrono::seconds(1);

}  // namespace

void gallery::begin(const graphite_changes& changes) {
  batch next{changes.old_bundle ? hold(changes.old_bundle) : nullptr, hold(changes.new_bundle), {}, {}};
  next.changed.assign(changes.added, changes.added + changes.added_count);
  next.changed.insert(next.changed.end(), changes.changed, changes.changed + changes.changed_count);
  next.removed.assign(changes.removed, changes.removed + changes.removed_count);
  first_ = next.before == nullptr;
  together_ = !first_ && next.changed.size() <= together_max;
  now_ = next.now;
  maker_.begin(std::move(next));
}

texture gallery::make_texture(const image& pixels) {
  texture out;
  if (spare_.empty()) {
    out.reset(SDL_CreateTexture(renderer_, SDL_PIXELFORMAT_ARGB8888, SDL_TEXTUREACCESS_STATIC, pixels.width,
                                pixels.height));
    if (!out) throw std::runtime_error(SDL_GetError());
    SDL_SetTextureBlendMode(out.get(), SDL_BLENDMODE_NONE);
  } else {
    out = std::move(spare_.back());
    spare_.pop_back();
  }
  if (SDL_UpdateTexture(out.get(), nullptr, pixels.pixels.data(), pixels.width * 4) != 0)
    throw std::runtime_error(SDL_GetError());
  return out;
}

bool gallery::upload(clock::time_point now) {
  if (ready()) return false;
  for (int i = 0; i < uploads_max_; ++i) {
    auto next = maker_.take();
    if (!next) break;
    if (next->what == tile::state::broken) ++counts_.broken;
    texture from = next->what == tile::state::gone ? nullptr : make_texture(next->pixels);
    if (together_)
      prepared_.push_back({std::move(next->path), std::move(from)});
    else
      show(next->path, std::move(from), !first_, now);
  }
  if (!maker_.done()) return false;
  for (auto& one : prepared_) show(one.path, std::move(one.from), true, now);
  prepared_.clear();
  now_.reset();
  ++counts_.generations;
  return true;
}

void gallery::show(const std::string& path, texture from, bool flashes, clock::time_point now) {
  const auto there = shown_.find(path);
  const bool known = there != shown_.end();
  if (known && spare_.size() < together_max) spare_.push_back(std::move(there->second.from));
  if (from == nullptr) {
    if (known) shown_.erase(there);
    counts_.removed += known ? 1 : 0;
    return;
  }
  ++(known ? counts_.reloaded : counts_.loaded);
  shown_[path] = {std::move(from), flashes ? now : clock::time_point()};
}

void gallery::draw(const SDL_Rect& area, clock::time_point now) {
  places_.clear();
  const int columns = std::max(1, (area.w - gap) / (picture_side + gap));
  const int rows = (static_cast<int>(shown_.size()) + columns - 1) / columns;
  const int visible = std::max(1, (area.h - gap) / (tile_height + gap));
  row_ = std::clamp(row_, 0, std::max(0, rows - visible));
  const int left = area.x + (area.w - columns * (picture_side + gap) + gap) / 2;
  int index = 0;
  for (const auto& [path, what] : shown_) {
    const int row = index / columns - row_, column = index % columns;
    ++index;
    if (row < 0) continue;
    if (row > visible) break;  // one more is cut off by what is below
    const SDL_Rect at{left + column * (picture_side + gap), area.y + gap + row * (tile_height + gap),
                      picture_side, tile_height};
    draw_tile(what, at, now);
    if (row < visible) places_.push_back({path, {at.x, at.y, picture_side, picture_side}});
  }
}

void gallery::draw_tile(const shown_tile& what, const SDL_Rect& at, clock::time_point now) {
  SDL_RenderCopy(renderer_, what.from.get(), nullptr, &at);
  if (what.changed == clock::time_point() || now - what.changed >= flash) return;
  const std::chrono::duration<double> left = flash - (now - what.changed);
  SDL_SetRenderDrawColor(renderer_, 255, 196, 64, static_cast<Uint8>(255 * left.count()));
  for (int wide = 2; wide <= 4; ++wide) {
    const SDL_Rect frame{at.x - wide, at.y - wide, at.w + 2 * wide, at.h + 2 * wide};
    SDL_RenderDrawRect(renderer_, &frame);
  }
}

}  // namespace viewer
