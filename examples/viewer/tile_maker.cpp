#include "tile_maker.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace viewer {
namespace {

constexpr colour paper[] = {0xff262b35, 0xff2c323d}, no_paper = 0xff3a2226;
constexpr colour name_ink = 0xffb8c0cc, trouble_ink = 0xffff8a80;
constexpr std::size_t name_glyphs = picture_side / glyph_width;

bool is_png(std::string_view path) {
  constexpr std::string_view ending = ".png";
  if (path.size() <= ending.size()) return false;
  return std::equal(ending.begin(), ending.end(), path.end() - ending.size(),
                    [](char a, char b) { return a == b || a == b + 'A' - 'a'; });
}

/// Without folder and ending; what is too long loses its middle.
std::string name_of(const std::string& path) {
  auto name = path.substr(path.rfind('/') + 1);
  name.resize(name.rfind('.'));
  if (name.size() > name_glyphs) name.replace(name_glyphs / 2, name.size() - name_glyphs + 1, "~");
  return name;
}

void draw_name(image& to, const std::string& path, colour ink) {
  const auto name = name_of(path);
  const int width = static_cast<int>(name.size()) * glyph_width - 1;
  draw_text(to, (picture_side - width) / 2, picture_side + 4, name, ink);
}

image show(const image& picture, const std::string& path) {
  image out(picture_side, tile_height, 0xff14171c);
  const auto fitted = fit(picture, picture_side);
  const int left = (picture_side - fitted.width) / 2, top = (picture_side - fitted.height) / 2;
  for (int y = 0; y < picture_side; ++y)
    for (int x = 0; x < picture_side; ++x) {
      const colour under = paper[(x / 8 + y / 8) % 2];
      const bool inside = x >= left && x < left + fitted.width && y >= top && y < top + fitted.height;
      out.row(y)[x] = inside ? blend(under, fitted.row(y - top)[x - left]) : under;
    }
  draw_name(out, path, name_ink);
  return out;
}

image show_trouble(const std::string& path, std::string_view what) {
  image out(picture_side, tile_height, 0xff14171c);
  std::fill(out.pixels.begin(), out.pixels.begin() + picture_side * picture_side, no_paper);
  draw_text(out, 4, 4, "broken", trouble_ink);
  for (int line = 0; line < 6 && !what.empty(); ++line) {
    const auto now = what.substr(0, name_glyphs - 1);
    draw_text(out, 4, 24 + line * (glyph_height + 2), now, name_ink);
    what.remove_prefix(now.size());
  }
  draw_name(out, path, trouble_ink);
  return out;
}

tile read_tile(const graphite_bundle* from, const std::string& path) {
  try {
    const auto asset = graphite::find(from, path);
    if (!asset) return {path, tile::state::gone, {}};
    // Decoded where it is mapped: no byte of the file is copied.
    return {path, tile::state::good, show(decode_png(graphite::part(from, *asset)), path)};
  } catch (const std::exception& e) {
    return {path, tile::state::broken, show_trouble(path, e.what())};
  }
}

/// Paths of those of `ids` that are images.
void add_images(const graphite_bundle* in, const std::vector<std::uint64_t>& ids,
                std::vector<std::string>& to) {
  for (const auto id : ids)
    if (const auto asset = graphite::find(in, id))
      if (const std::string_view path(asset->path, asset->path_length); is_png(path)) to.emplace_back(path);
}

}  // namespace

generation_ref hold(const graphite_bundle* generation) {
  return {graphite_bundle_retain(generation), graphite_bundle_close};
}

tile_maker::tile_maker() : thread_([this] { run(); }) {}

tile_maker::~tile_maker() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void tile_maker::begin(batch next) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    next_ = std::move(next);
    working_ = true;
  }
  changed_.notify_all();
}

std::optional<tile> tile_maker::take() {
  std::optional<tile> out;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ready_.empty()) return out;
    out = std::move(ready_.front());
    ready_.pop_front();
  }
  changed_.notify_all();
  return out;
}

bool tile_maker::done() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return !working_ && ready_.empty();
}

void tile_maker::run() {
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10);  // of this thread: frames go first
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || next_; });
    if (stopping_) return;
    {
      const batch now = std::move(*next_);
      next_.reset();
      lock.unlock();
      make(now);
    }
    lock.lock();
    working_ = false;
  }
}

void tile_maker::make(const batch& from) {
  std::vector<std::string> paths;
  try {
    add_images(from.now.get(), from.before ? from.changed : graphite::assets(from.now.get()), paths);
    if (from.before) add_images(from.before.get(), from.removed, paths);
  } catch (const graphite::failure& e) {
    (void)put({"index.png", tile::state::broken, show_trouble("index.png", e.what())});
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths)
    if (!put(read_tile(from.now.get(), path))) return;
}

/// False: nobody wants it any more.
bool tile_maker::put(tile made) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || ready_.size() < ready_max; });
  if (stopping_) return false;
  ready_.push_back(std::move(made));
  return true;
}

}  // namespace viewer
