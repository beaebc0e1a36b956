#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <thread>

#include "bench/child.hpp"
#include "bench/growing_bundle.hpp"
#include "bench/workloads.hpp"
#include "bench/writer_process.hpp"
#include "bindings/c/graphite.hpp"

namespace graphite::bench {
namespace {

/// From the swap of an open, checked generation to a reader that sees it, in microseconds.
std::vector<double> visible_us(const std::string& folder, std::size_t swaps) {
  const bundle first(folder), second(folder);
  atomic_bundle place(first);
  std::atomic<std::uint64_t> seen_version{0};
  std::atomic<double> seen_at{0};
  std::atomic<bool> done{false};
  std::thread reader([&] {
    std::uint64_t last = 0;
    while (!done.load(std::memory_order_relaxed)) {
      const pinned now(place);
      if (now.version() == last) continue;
      last = now.version();
      seen_at.store(now_seconds());
      seen_version.store(last);
    }
  });
  std::vector<double> out;
  for (std::size_t i = 0; i < swaps; ++i) {
    const auto next = i % 2 == 0 ? second : first;
    const double start = now_seconds();
    place.swap(next);
    while (seen_version.load() != i + 2) std::this_thread::yield();
    out.push_back((seen_at.load() - start) * 1e6);
  }
  done.store(true);
  reader.join();
  return out;
}

constexpr double frame_seconds = 1.0 / 240;

/// Frames of a program that reads 500 assets in each: how long each worked, in microseconds.
class frame_loop {
 public:
  explicit frame_loop(followed_bundle& live, std::size_t assets) : live_(live), assets_(assets) {}

  /// `before_frame(i)` is not counted.
  template <class Before>
  std::vector<double> run(std::size_t frames, Before before_frame) {
    std::vector<double> out;
    double next = now_seconds();
    for (std::size_t i = 0; i < frames; ++i) {
      before_frame(i);
      const double start = now_seconds();
      frame();
      out.push_back((now_seconds() - start) * 1e6);
      next = std::max(next + frame_seconds, now_seconds());
      std::this_thread::sleep_for(std::chrono::duration<double>(next - now_seconds()));
    }
    return out;
  }

 private:
  void frame() {
    live_.poll(500'000);
    const pinned now(live_.place());
    for (int i = 0; i < 500; ++i) {
      const auto asset = find(now.get(), growing_bundle::name(random_() % assets_));
      if (!asset) give_up("an asset was not found");
      std::uint64_t sum = 0;
      for (const char byte : part(now.get(), *asset)) sum += static_cast<unsigned char>(byte);
      sum_ = sum;
    }
  }

  followed_bundle& live_;
  const std::size_t assets_;
  std::minstd_rand random_{1};
  volatile std::uint64_t sum_ = 0;
};

/// Microseconds each frame worked: without swaps, beside the writing of a bundle that nobody follows, and
/// through swaps.
struct frame_times {
  std::vector<double> calm, beside, swapping;
};

void add_frames(const std::vector<frame_times>& repeats, const std::vector<double>& visible, report& out) {
  using times = std::vector<double> frame_times::*;
  const auto of = [&](times which, double share) {
    std::vector<double> each;
    for (const auto& one : repeats) each.push_back(percentile(one.*which, share));
    return median(each);
  };
  const auto added = [&](times which, double share) {
    std::vector<double> each;
    for (const auto& one : repeats)
      each.push_back(percentile(one.*which, share) - percentile(one.calm, share));
    return median(each);
  };
  const auto add = [&](const char* name, double value, std::optional<double> goal = {}) {
    out.figures.push_back({name, value, "us", better::lower, goal, {}, {}});
  };
  constexpr auto swapping = &frame_times::swapping, beside = &frame_times::beside, calm = &frame_times::calm;
  add("visible_us", median(visible), 50);
  add("visible_us_p99", percentile(visible, 0.99));
  add("frame_added_us_p999", added(swapping, 0.999), 100);
  add("frame_added_us_p99", added(swapping, 0.99));
  add("frame_added_us_median", added(swapping, 0.5));
  add("frame_added_us_p999_by_writer", added(beside, 0.999));
  add("frame_added_us_p99_by_writer", added(beside, 0.99));
  add("frame_added_us_median_by_writer", added(beside, 0.5));
  add("frame_us_p999_calm", of(calm, 0.999));
  add("frame_us_median_calm", of(calm, 0.5));
}

}  // namespace

report run_swap(const bench_options& options) {
  using which = writer_process::which;
  const std::size_t assets = options.quick ? 1'000 : 10'000, swaps = options.quick ? 50 : 1'000;
  const auto work = temporary_folder("swap"), other = temporary_folder("swap-other");
  report out;
  {
    writer_process writer(work, other, {assets, 300, 10});
    const auto visible = visible_us(work, 1'000);
    follow_options follow;
    follow.folder = work;
    std::uint64_t told = 0;
    follow.on_asset = [&](const graphite_asset_event&) { ++told; };
    followed_bundle live(std::move(follow));
    frame_loop game(live, assets);
    game.run(200, [](std::size_t) {});  // warms caches
    // In turns, so that the machine's moods hit all.
    std::vector<frame_times> repeats(options.quick ? 1 : 5);
    const std::size_t rounds = 10, each = swaps / rounds;
    const auto measure = [&](std::vector<double>& into, std::optional<which> written) {
      const auto frames = game.run(2 * each, [&](std::size_t i) {
        if (written && i % 2 == 0) writer.change(*written);
      });
      into.insert(into.end(), frames.begin(), frames.end());
      writer.wait();
      while (live.poll() > 0 || live.statistics().sequence != writer.sequence())
        live.wait(live.statistics().version, 1'000'000);
    };
    for (auto& repeat : repeats)
      for (std::size_t round = 0; round < rounds; ++round) {
        measure(repeat.calm, {});
        measure(repeat.beside, which::other);
        measure(repeat.swapping, which::followed);
      }
    add_frames(repeats, visible, out);
    out.figures.push_back(
        {"swaps_told", static_cast<double>(live.statistics().swaps), "", better::higher, {}, {}, {}});
    out.notes.push_back(
        std::to_string(assets) + " assets of 300 bytes; a frame polls with 0.5 ms and reads 500 of them; " +
        std::to_string(swaps) +
        " generations of 10 changed assets, one each second frame, by another process, and all of it " +
        std::to_string(repeats.size()) + " times: medians of what each had; " + std::to_string(told) +
        " assets told; by_writer: beside the same writing of a "
        "bundle that nobody follows");
  }
  std::filesystem::remove_all(work);
  std::filesystem::remove_all(other);
  return out;
}

}  // namespace graphite::bench
