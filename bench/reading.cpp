#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <random>
#include <shared_mutex>
#include <thread>

#include "bench/child.hpp"
#include "bench/large_bundle.hpp"
#include "bench/longest_pause.hpp"
#include "bench/unmapping.hpp"
#include "bench/workloads.hpp"
#include "bindings/c/graphite.hpp"

namespace graphite::bench {
namespace {

constexpr std::size_t pairs = 5'000'000;

template <class Body>
double ns_each(std::size_t count, Body body) {
  const double start = now_seconds();
  for (std::size_t i = 0; i < count; ++i) body(i);
  return (now_seconds() - start) * 1e9 / static_cast<double>(count);
}

/// Nanoseconds of one pair with `threads` at once: the slowest thread's.
template <class Pair>
double ns_with(unsigned threads, Pair pair) {
  std::atomic<unsigned> ready{0};
  std::vector<double> each(threads);
  const auto work = [&](unsigned i) {
    pair();  // the first registers the thread
    ready.fetch_add(1);
    while (ready.load() < threads) std::this_thread::yield();
    each[i] = ns_each(pairs, [&](std::size_t) { pair(); });
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i) others.emplace_back(work, i);
  work(0);
  for (auto& other : others) other.join();
  return *std::max_element(each.begin(), each.end());
}

struct samples {
  std::vector<double> inline_1, inline_2, c_abi, mutex_1, mutex_2, shared_1, shared_2, stall, own_pause;
};

void measure_pairs(const atomic_bundle& place, const bench_options& options, samples& out) {
  const auto inlined = [&] {
    const pinned now(place);
    use(now.get());
  };
  out.inline_1.push_back(ns_with(1, inlined));
  out.inline_2.push_back(ns_with(2, inlined));
  const double calls = ns_with(1, [&] {
    use(graphite_acquire_reader(&place.place(), nullptr));
    graphite_release_reader(&place.place());
  });
  const double empty = ns_with(1, [] {
    use(graphite_version());
    use(graphite_version());
  });
  out.c_abi.push_back(calls - empty);
  if (!options.peers) return;
  static std::shared_mutex mutex;
  static const void* const guarded = &mutex;
  const auto locked = [] {
    const std::shared_lock lock(mutex);
    use(guarded);
  };
  static std::atomic<std::shared_ptr<int>> counted{std::make_shared<int>(1)};
  const auto loaded = [] { use(counted.load().get()); };
  out.mutex_1.push_back(ns_with(1, locked));
  out.mutex_2.push_back(ns_with(2, locked));
  out.shared_1.push_back(ns_with(1, loaded));
  out.shared_2.push_back(ns_with(2, loaded));
}

void measure_pauses(atomic_bundle& place, const bundle& first, const bundle& second, std::size_t swaps,
                    samples& out) {
  double took = 0;
  const double with = longest_pause_us(place.place(), [&] {
    const double start = now_seconds();
    for (std::size_t i = 0; i < swaps; ++i) place.swap(i % 2 == 0 ? second : first);
    took = now_seconds() - start;
  });
  // The same time beside a thread that is as busy and swaps nothing.
  const double without = longest_pause_us(place.place(), [&] {
    const double start = now_seconds();
    while (now_seconds() - start < took) use(nullptr);
  });
  out.stall.push_back(std::max(0.0, with - without));
  out.own_pause.push_back(without);
}

}  // namespace

report run_reader(const bench_options& options) {
  const auto work = temporary_folder("reader");
  write_large_bundle(work, 1'000);
  report out;
  samples taken;
  const std::size_t windows = options.quick ? 40 : 1'000, swaps_each = 10;
  const auto unmapping = measure_unmapping(work, windows, swaps_each);
  {
    const bundle first(work), second(work);
    atomic_bundle place(first);
    for (int round = 0; round < (options.quick ? 3 : 7); ++round) {
      measure_pairs(place, options, taken);
      measure_pauses(place, first, second, options.quick ? 1'000 : 10'000, taken);
    }
  }
  std::filesystem::remove_all(work);
  const auto add = [&](const char* name, const std::vector<double>& values, const char* unit,
                       std::optional<double> goal, const char* peer, const std::vector<double>& peers) {
    out.figures.push_back({name, median(values), unit, better::lower, goal, {}, {}});
    if (!peers.empty()) out.figures.back().peer = peer, out.figures.back().peer_value = median(peers);
  };
  add("inline_pair_ns", taken.inline_1, "ns", 3, "std::shared_mutex", taken.mutex_1);
  add("inline_pair_ns_2_threads", taken.inline_2, "ns", 3, "std::shared_mutex", taken.mutex_2);
  add("c_abi_over_empty_call_ns", taken.c_abi, "ns", 3, "std::atomic<std::shared_ptr>", taken.shared_1);
  if (options.peers) add("atomic_shared_ptr_ns_2_threads", taken.shared_2, "ns", {}, "", {});
  add("stall_us_max", taken.stall, "us", {}, "", {});
  add("own_pause_us_max", taken.own_pause, "us", {}, "", {});
  out.figures.insert(out.figures.end(), unmapping.begin(), unmapping.end());
  out.notes.push_back(
      "medians of rounds; a pair is acquire and release; stall_us_max: the longest time between two "
      "reads during 10,000 swaps less the longest beside a thread that is as busy and swaps nothing");
  out.notes.push_back(
      "unmapping_pause_us: the longest time between two reads during " + std::to_string(swaps_each) +
      " swaps that each unmap the generation before, median and maximum of " + std::to_string(windows) +
      " times; elsewhere: another process does that; without: a thread is as busy; in turns");
  return out;
}

report run_open(const bench_options& options) {
  const std::size_t assets = options.quick ? 10'000 : 1'000'000;
  const auto work = temporary_folder("open");
  write_large_bundle(work, assets);
  report out;
  std::vector<double> opened, looked_up, with_part;
  {
    const bundle held(work);
    std::mt19937_64 random(1);
    std::vector<std::uint64_t> ids;
    for (std::size_t i = 0; i < assets; ++i) {
      const auto path = large_bundle_asset(random() % assets);
      ids.push_back(graphite_asset_id(path.data(), path.size()));
    }
    const auto look = [&](std::size_t i) {
      graphite_asset asset;
      if (graphite_find(held.get(), ids[i], &asset) != GRAPHITE_SUCCESS) give_up("an asset was not found");
    };
    ns_each(ids.size(), look);  // warms the pages
    for (int round = 0; round < (options.quick ? 3 : 7); ++round) {
      for (int i = 0; i < 20; ++i) {
        const double start = now_seconds();
        const bundle again(work);
        opened.push_back((now_seconds() - start) * 1e6);
      }
      looked_up.push_back(ns_each(ids.size(), look));
      with_part.push_back(ns_each(ids.size(), [&](std::size_t i) {
        graphite_asset asset;
        graphite_part bytes;
        if (graphite_find(held.get(), ids[i], &asset) != GRAPHITE_SUCCESS ||
            graphite_asset_part(held.get(), &asset, 0, &bytes) != GRAPHITE_SUCCESS)
          give_up("an asset was not found");
        use(bytes.data);
      }));
    }
  }
  std::filesystem::remove_all(work);
  out.figures = {{"open_us", median(opened), "us", better::lower, 1000, {}, {}},
                 {"lookup_ns", median(looked_up), "ns", better::lower, 200, {}, {}},
                 {"lookup_and_part_ns", median(with_part), "ns", better::lower, {}, {}, {}}};
  out.notes.push_back(std::to_string(assets) +
                      " assets, paths of 60 bytes; look-ups of random ids, all pages in memory");
  return out;
}

}  // namespace graphite::bench
