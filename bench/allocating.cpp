#include <array>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "bench/workloads.hpp"
#include "core/arena.hpp"
#include "platform/linux/buffer_pool.hpp"

namespace graphite::bench {
namespace {

void touch(void* memory, std::size_t bytes) {
  auto* const at = static_cast<volatile unsigned char*>(memory);
  for (std::size_t i = 0; i < bytes; i += 4096) at[i] = 1;
  at[bytes - 1] = 1;
}

/// What a decoder asks for while it makes one asset: 300 pieces of 16 to 2,048 bytes and three tables of 4 to
/// 64 KiB. The same in every run.
std::vector<std::size_t> decode_sizes() {
  std::mt19937 random(11);
  std::vector<std::size_t> out;
  for (int i = 0; i < 300; ++i) out.push_back(16 + random() % (std::size_t{1} << (4 + random() % 8)));
  for (const std::size_t kib : {4, 20, 64})
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(random() % out.size()), kib * 1024);
  return out;
}

/// What a stager holds at once: parts of 64 KiB to 4 MiB, read into and given back.
std::vector<std::size_t> staging_sizes() {
  std::mt19937 random(12);
  std::vector<std::size_t> out;
  for (int i = 0; i < 64; ++i) out.push_back((std::size_t{64} << 10) << random() % 7);
  return out;
}

void decode_with_malloc(const std::vector<std::size_t>& sizes, std::vector<void*>& pieces) {
  for (std::size_t i = 0; i < sizes.size(); ++i) touch(pieces[i] = std::malloc(sizes[i]), sizes[i]);
  for (auto* const one : pieces) std::free(one);
}

void decode_with_arena(const std::vector<std::size_t>& sizes, arena& memory) {
  for (const auto bytes : sizes) touch(memory.allocate(bytes), bytes);
  memory.reset();
}

/// Four at a time are held.
template <class Take, class Give>
void stage(const std::vector<std::size_t>& sizes, Take take, Give give) {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    give(i % 4);
    touch(take(i % 4, sizes[i]), sizes[i]);
  }
  for (std::size_t i = 0; i < 4; ++i) give(i);
}

/// Microseconds of one `body` with `threads` at it, each with what `make` makes.
template <class Make>
double us_each(std::size_t threads, int times, Make make) {
  std::vector<std::thread> all;
  std::vector<double> took(threads);
  for (std::size_t t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      auto body = make();
      body();
      const double start = now_seconds();
      for (int i = 0; i < times; ++i) body();
      took[t] = (now_seconds() - start) * 1e6 / times;
    });
  for (auto& thread : all) thread.join();
  return median(took);
}

}  // namespace

report run_alloc(const bench_options& options) {
  constexpr std::size_t threads = 2;
  const int rounds = options.quick ? 3 : 9, times = options.quick ? 20 : 300;
  const auto small = decode_sizes(), large = staging_sizes();
  buffer_pool pool({.bytes_max = std::size_t{256} << 20});
  std::vector<double> decode_malloc, decode_own, stage_malloc, stage_own;
  for (int round = 0; round < rounds; ++round) {
    decode_malloc.push_back(us_each(threads, times, [&] {
      return [&, pieces = std::vector<void*>(small.size())]() mutable { decode_with_malloc(small, pieces); };
    }));
    decode_own.push_back(us_each(threads, times, [&] {
      return [&, memory = std::make_shared<arena>(pool)] { decode_with_arena(small, *memory); };
    }));
    stage_malloc.push_back(us_each(threads, times, [&] {
      return [&, held = std::array<void*, 4>{}]() mutable {
        stage(
            large, [&](std::size_t i, std::size_t bytes) { return held[i] = std::malloc(bytes); },
            [&](std::size_t i) { std::free(std::exchange(held[i], nullptr)); });
      };
    }));
    stage_own.push_back(us_each(threads, times, [&] {
      return [&, held = std::make_shared<std::array<buffer, 4>>()] {
        stage(
            large,
            [&](std::size_t i, std::size_t bytes) { return ((*held)[i] = *pool.take(bytes)).bytes().data(); },
            [&](std::size_t i) { (*held)[i] = {}; });
      };
    }));
  }
  const double decode = median(decode_malloc) / median(decode_own),
               staging = median(stage_malloc) / median(stage_own);
  report out;
  out.figures = {
      {"decode_us", median(decode_own), "us", better::lower, {}, "malloc and free", median(decode_malloc)},
      {"staging_us", median(stage_own), "us", better::lower, {}, "malloc and free", median(stage_malloc)},
      {"decode_x_malloc_2_threads", decode, "x", better::higher, 2.0, "", {}},
      {"staging_x_malloc_2_threads", staging, "x", better::higher, 2.0, "", {}},
      {"x_malloc_2_threads", std::min(decode, staging), "x", better::higher, 2.0, "", {}},
  };
  out.notes.push_back(
      "2 threads; decode: 303 pieces of 16 bytes to 64 KiB that die together; staging: 64 buffers of 64 KiB "
      "to "
      "4 MiB, four at once; every page is touched");
  return out;
}

}  // namespace graphite::bench
