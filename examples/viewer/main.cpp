// Shows the images of a bundle at 240 frames a second, and reloads them while it runs: the shape of an
// engine's main loop over graphite.hpp. `--help` says more.
#include <SDL.h>

#include <cstdio>
#include <graphite.hpp>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "dashboard.hpp"
#include "frame_times.hpp"
#include "gallery.hpp"
#include "image.hpp"
#include "options.hpp"
#include "report.hpp"

namespace viewer {
namespace {

constexpr std::uint64_t poll_budget_ns = 500'000;

/// Throws what SDL says.
void require(bool good) {
  if (!good) throw std::runtime_error(std::string("SDL: ") + SDL_GetError());
}

struct sdl {
  sdl() { require(SDL_Init(SDL_INIT_VIDEO) == 0); }
  ~sdl() { SDL_Quit(); }
  sdl(const sdl&) = delete;
  sdl& operator=(const sdl&) = delete;
};

struct window_deleter {
  void operator()(SDL_Window* gone) const { SDL_DestroyWindow(gone); }
  void operator()(SDL_Renderer* gone) const { SDL_DestroyRenderer(gone); }
};

/// The window with what is in it, and the bundle that it follows.
class program {
 public:
  explicit program(const options& wanted) : options_(wanted) {
    window_.reset(SDL_CreateWindow(("graphite: " + wanted.folder).c_str(), SDL_WINDOWPOS_CENTERED,
                                   SDL_WINDOWPOS_CENTERED, wanted.width, wanted.height,
                                   SDL_WINDOW_RESIZABLE));
    require(window_ != nullptr);
    // Without waiting for the screen: the loop has its own beat.
    renderer_.reset(SDL_CreateRenderer(window_.get(), -1, 0));
    require(renderer_ != nullptr);
    SDL_SetRenderDrawBlendMode(renderer_.get(), SDL_BLENDMODE_BLEND);
    pictures_ = std::make_unique<gallery>(renderer_.get(), wanted.uploads_max);
    board_ = std::make_unique<dashboard>(renderer_.get());
    follow();
  }

  void run() {
    while (!ending_) {
      const auto now = clock::now();
      times_.begin(now);
      handle_events();
      ending_ = ending_ || times_.frames() == options_.frames;
      // While one is on its way no other is asked for: what comes meanwhile is told as one.
      if (pictures_->ready()) live_->poll(poll_budget_ns);
      if (pictures_->upload(now) && options_.verbose) say_what_is_shown();
      draw(now);
      SDL_RenderPresent(renderer_.get());
      std::this_thread::sleep_until(times_.end(clock::now()));
    }
    if (!options_.screenshot.empty()) take_screenshot();
    if (options_.report) std::printf("%s\n", report(times_, *pictures_, live_->statistics().swaps).c_str());
  }

 private:
  void follow() {
    graphite::follow_options how;
    how.folder = options_.folder;
    how.on_generation = [this](const graphite_changes& changes) {
      pictures_->begin(changes);
      graphite_bundle_describe(changes.new_bundle, &shown_);
      shown_.channel = nullptr;
    };
    if (options_.from.empty())
      live_ = std::make_unique<graphite::followed_bundle>(std::move(how));
    else
      live_ = std::make_unique<graphite::followed_bundle>(options_.from, "", std::move(how));
  }

  void handle_events() {
    SDL_Event event;
    while (SDL_PollEvent(&event) != 0) {
      if (event.type == SDL_QUIT) ending_ = true;  // also by SIGINT and SIGTERM
      if (event.type == SDL_MOUSEWHEEL) pictures_->scroll(-event.wheel.y);
      if (event.type == SDL_KEYDOWN) handle_key(event.key.keysym.sym);
    }
  }

  void handle_key(SDL_Keycode key) {
    if (key == SDLK_ESCAPE) ending_ = true;
    if (key == SDLK_UP) pictures_->scroll(-1);
    if (key == SDLK_DOWN) pictures_->scroll(1);
    if (key == SDLK_PAGEUP) pictures_->scroll(-4);
    if (key == SDLK_PAGEDOWN) pictures_->scroll(4);
  }

  void draw(clock::time_point now) {
    int width = 0, height = 0;
    SDL_GetRendererOutputSize(renderer_.get(), &width, &height);
    SDL_SetRenderDrawColor(renderer_.get(), 20, 23, 28, 255);
    SDL_RenderClear(renderer_.get());
    pictures_->draw({0, 0, width, height - dashboard::height}, now);
    if (board_->due(now))
      board_->write({times_, *pictures_, live_->statistics().swaps, shown_.sequence}, now);
    board_->draw({0, height - dashboard::height, width, dashboard::height}, times_);
  }

  void take_screenshot() {
    draw(clock::now());  // what was presented cannot be read
    image shot;
    SDL_GetRendererOutputSize(renderer_.get(), &shot.width, &shot.height);
    shot = image(shot.width, shot.height);
    require(SDL_RenderReadPixels(renderer_.get(), nullptr, SDL_PIXELFORMAT_ARGB8888, shot.pixels.data(),
                                 shot.width * 4) == 0);
    write_png(options_.screenshot.c_str(), shot);
  }

  void say_what_is_shown() const {
    const auto& counts = pictures_->counted();
    std::ostringstream line;
    line << "shown " << shown_.sequence << ": " << counts.loaded << " loaded, " << counts.reloaded
         << " reloaded, " << counts.removed << " removed, " << counts.broken << " broken\n";
    std::fputs(line.str().c_str(), stderr);
  }

  const options options_;
  const sdl sdl_;
  std::unique_ptr<SDL_Window, window_deleter> window_;
  std::unique_ptr<SDL_Renderer, window_deleter> renderer_;
  std::unique_ptr<gallery> pictures_;
  std::unique_ptr<dashboard> board_;
  frame_times times_{options_.hz};
  graphite_bundle_info shown_{};
  bool ending_ = false;
  std::unique_ptr<graphite::followed_bundle> live_;  // the last: its callback uses the rest
};

void on_log(graphite_log_level level, const char* text, void*) {
  std::fprintf(stderr, "%s %s\n", level >= GRAPHITE_LOG_WARNING ? "warning:" : "note:", text);
}

}  // namespace
}  // namespace viewer

int main(int argc, char** argv) try {
  const auto wanted = viewer::parse(argc, argv);
  if (!wanted) {
    std::fputs(viewer::help, stdout);
    return 0;
  }
  graphite_set_log(viewer::on_log, GRAPHITE_LOG_WARNING, nullptr);
  viewer::program(*wanted).run();
  return 0;
} catch (const std::invalid_argument& e) {
  std::fprintf(
      stderr,
      "graphite-viewer: %s\nusage: graphite-viewer [--from HOST:PORT] [OPTIONS] FOLDER; --help says more\n",
      e.what());
  return 2;
} catch (const std::exception& e) {
  std::fprintf(stderr, "graphite-viewer: %s\n", e.what());
  return 1;
}
