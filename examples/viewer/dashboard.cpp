#include "dashboard.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace viewer {
namespace {

constexpr int text_width = 400, line_height = 20;
constexpr colour back = 0xff0d0f13, bright = 0xffe6ebf2, plain = 0xffa4adba;
constexpr auto text_period = std::chrono::milliseconds(250);

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char out[128];
  std::snprintf(out, sizeof out, pattern, values...);
  return out;
}

}  // namespace

void dashboard::write(const facts& now, clock::time_point at) {
  next_ = at + text_period;
  const auto& frame = now.times.frame();
  const auto& counts = now.pictures.counted();
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  const std::string lines[] = {
      format("frame %.2f ms of %.2f", frame.percentile_ms(0.5),
             std::chrono::duration<double, std::milli>(now.times.period()).count()),
      format("p99 %.2f p99.9 %.2f worst %.1f", frame.percentile_ms(0.99), frame.percentile_ms(0.999),
             frame.worst_ms()),
      format("frames %llu dropped %llu", number(now.times.frames()), number(now.times.dropped())),
      format("swaps %llu reloaded %llu", number(now.swaps), number(counts.reloaded)),
      format("%zu images, generation %llu", now.pictures.pictures(), number(now.sequence))};
  image text(text_width, height, back);
  int y = 8;
  for (const auto& line : lines) {
    draw_text(text, 12, y, line, y == 8 ? bright : plain, 2);
    y += line_height;
  }
  if (!text_)
    text_.reset(
        SDL_CreateTexture(renderer_, SDL_PIXELFORMAT_ARGB8888, SDL_TEXTUREACCESS_STATIC, text_width, height));
  if (!text_ || SDL_UpdateTexture(text_.get(), nullptr, text.pixels.data(), text_width * 4) != 0)
    throw std::runtime_error(SDL_GetError());
  SDL_SetTextureBlendMode(text_.get(), SDL_BLENDMODE_NONE);
}

void dashboard::draw(const SDL_Rect& area, const frame_times& times) {
  SDL_SetRenderDrawColor(renderer_, 13, 15, 19, 255);
  SDL_RenderFillRect(renderer_, &area);
  const SDL_Rect text{area.x, area.y, text_width, area.h};
  if (text_) SDL_RenderCopy(renderer_, text_.get(), nullptr, &text);

  const int left = area.x + text_width + 12, bottom = area.y + area.h - 10, room = area.h - 20;
  const int width = std::max(0, area.x + area.w - 12 - left);
  const auto last = times.last();
  const int bars = std::min(static_cast<int>(last.size()), width / 2);
  std::vector<SDL_Rect> in_time, late;
  for (int i = 0; i < bars; ++i) {
    const auto took = last[last.size() - static_cast<std::size_t>(bars - i)];
    // A third of the height is the time that a frame has.
    const auto high =
        static_cast<int>(std::min<std::int64_t>(took * room / (3 * times.period()), std::int64_t{room}));
    (took > times.period() * 3 / 2 ? late : in_time).push_back({left + 2 * i, bottom - high, 2, high});
  }
  SDL_SetRenderDrawColor(renderer_, 74, 158, 255, 255);
  SDL_RenderFillRects(renderer_, in_time.data(), static_cast<int>(in_time.size()));
  SDL_SetRenderDrawColor(renderer_, 255, 110, 96, 255);
  SDL_RenderFillRects(renderer_, late.data(), static_cast<int>(late.size()));
  SDL_SetRenderDrawColor(renderer_, 230, 235, 242, 255);
  SDL_RenderDrawLine(renderer_, left, bottom - room / 3, left + width, bottom - room / 3);
}

}  // namespace viewer
