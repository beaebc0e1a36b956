#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/bindings/following.hpp"

namespace graphite {
namespace {

using namespace test;

TEST(hot_reload, a_generation_whose_programs_crash_is_held) {
  bundle_on_disk disk(20);
  disk.change("a.png", bytes_of("good"));
  const temporary_folder state;
  const auto options = [&] {
    follow_options out;
    out.folder = disk.path();
    out.state_folder = state.path() + "/starts of the game";
    return out;
  };
  { followed_bundle live(options()); }  // ends as it should
  disk.change("a.png", bytes_of("deadly"));
  for (int start = 0; start < 3; ++start) {
    const pid_t child = ::fork();
    if (child == 0) {
      followed_bundle live(options());
      ::_exit(shown_now(live, "a.png") == "deadly" ? 11 : 12);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 11) << start;
  }
  followed_bundle live(options());
  EXPECT_EQ(shown_now(live, "a.png"), "good") << "the one before, which is still in the folder";
  const auto all = live.generations();
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const auto& one) { return one.held; }));
  disk.change("a.png", bytes_of("mended"));
  ASSERT_TRUE(wait_until([&] { return shown_now(live, "a.png") == "mended"; })) << "the next is taken";
}

TEST(hot_reload, lifting_a_hold_lets_the_generation_in) {
  bundle_on_disk disk(20);
  const temporary_folder state;
  follow_options options;
  options.folder = disk.path();
  options.state_folder = state.path();
  options.config.crashes_max = 1;
  if (const pid_t child = ::fork(); child == 0) {
    followed_bundle live(options);
    ::_exit(0);
  } else {
    ::waitpid(child, nullptr, 0);
  }
  followed_bundle live(options);
  EXPECT_EQ(live.statistics().version, 0u) << "there is no other one";
  live.resume();
  ASSERT_TRUE(live.wait(0, long_ns));
  EXPECT_EQ(shown_now(live, asset_name(3)), as_text(bundle_on_disk::bytes_of(3)));
}

/// While others read at full speed each read fits the version that it was read from.
TEST(hot_reload, readers_see_one_generation_whole_through_many_swaps) {
  bundle_on_disk disk(40);
  disk.change("number", bytes_of("0"));
  disk.change("again", bytes_of("0"));
  follow_options options;
  options.folder = disk.path();
  followed_bundle live(std::move(options));
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> reads{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!stop.load()) {
        const pinned now(live.place());
        const auto a = part(now.get(), *find(now.get(), "number"));
        const auto b = part(now.get(), *find(now.get(), "again"));
        // "number" is published first, so that "again" is the same or one behind.
        const auto first = std::stoull(std::string(a)), second = std::stoull(std::string(b));
        ASSERT_TRUE(first == second || first == second + 1) << a << ' ' << b;
        reads.fetch_add(1, std::memory_order_relaxed);
      }
    });
  for (int i = 1; i <= 150; ++i) {
    disk.change("number", bytes_of(std::to_string(i)));
    disk.change("again", bytes_of(std::to_string(i)));
  }
  EXPECT_TRUE(wait_until([&] { return live.statistics().sequence == disk.sequence(); }));
  stop.store(true);
  for (auto& reader : readers) reader.join();
  EXPECT_GT(reads.load(), 0u);
  EXPECT_TRUE(wait_until([&] { return live.statistics().replaced_alive == 0; }));
}

TEST(hot_reload, reloads_by_hand_through_buffers_or_without) {
  bundle_on_disk disk(60);
  const temporary_folder place;
  const auto next_file = [&](const char* text) {
    disk.change("a.png", bytes_of(text));
    disk.change("large.bin", random_bytes(400'000, disk.sequence()));
    const auto file = fmt::format("{}/{}.grph", place.path(), text);
    std::filesystem::rename(disk.exported(), file);
    return file;
  };
  const auto first = next_file("one");
  told said;
  auto options = said.options("");
  options.file = first;
  followed_bundle live(std::move(options));
  live.poll();
  said.take();
  byte_vector staging(64 * 1024), copy(4096);
  graphite_reload_buffers buffers{staging.data(), staging.size(), copy.data(), copy.size(), 0};
  const auto second = next_file("two"), third = next_file("three"), fourth = next_file("four");
  EXPECT_EQ(graphite_optimized_reload(live.get(), second.c_str(), &buffers), GRAPHITE_SUCCESS);
  EXPECT_EQ(shown_now(live, "a.png"), "two");
  EXPECT_EQ(buffers.buffer_in_use, 0u) << "given back";
  EXPECT_TRUE(std::any_of(staging.begin(), staging.end(), [](auto b) { return b != std::byte{}; })) << "used";
  live.poll();
  EXPECT_EQ(said.take().size(), 3u);
  buffers.buffer_in_use = 1;  // somebody else's for the moment
  EXPECT_EQ(graphite_optimized_reload(live.get(), third.c_str(), &buffers), GRAPHITE_SUCCESS);
  EXPECT_EQ(buffers.buffer_in_use, 1u);
  EXPECT_EQ(shown_now(live, "a.png"), "three");
  EXPECT_EQ(graphite_optimized_reload(live.get(), second.c_str(), nullptr), GRAPHITE_ERROR_STALE_EPOCH);
  EXPECT_EQ(graphite_optimized_reload(live.get(), "/no/such", nullptr), GRAPHITE_ERROR_NOT_FOUND);
  // One whose contents are not what they should be: all of its segment is something else.
  std::string bytes;
  {
    std::ifstream in(fourth, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto content = random_bytes(400'000, disk.sequence() - 1);
  const auto large = as_text(content);
  const auto at = bytes.find(std::string(large.substr(0, 64)));
  ASSERT_NE(at, std::string::npos);
  bytes[at] ^= 1;
  std::ofstream(fourth, std::ios::binary) << bytes;
  EXPECT_EQ(graphite_optimized_reload(live.get(), fourth.c_str(), nullptr), GRAPHITE_ERROR_CORRUPT);
  EXPECT_EQ(shown_now(live, "a.png"), "three");
  // Nor does it become the first one.
  const temporary_folder nothing;
  followed_bundle waiting(said.options(nothing.path()));
  EXPECT_EQ(graphite_optimized_reload(waiting.get(), fourth.c_str(), nullptr), GRAPHITE_ERROR_CORRUPT);
  EXPECT_EQ(graphite_optimized_reload(waiting.get(), third.c_str(), nullptr), GRAPHITE_SUCCESS);
  EXPECT_EQ(shown_now(waiting, "a.png"), "three");
}

TEST(hot_reload, a_wrong_configuration_is_refused_with_a_reason) {
  graphite_hot_reload_config config;
  graphite_hot_reload_config_init(&config);
  EXPECT_EQ(graphite_hot_reload_init(nullptr), nullptr);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_hot_reload_init(&config), nullptr);
  EXPECT_NE(std::string(graphite_last_error()).find("watch_directory"), std::string::npos);
  config.watch_directory = "/tmp";
  config.size = 8;
  EXPECT_EQ(graphite_hot_reload_init(&config), nullptr);
  EXPECT_NE(std::string(graphite_last_error()).find("size"), std::string::npos);
  graphite_hot_reload_config_init(&config);
  config.watch_directory = "/tmp";
  config.kept_generations = 0;
  EXPECT_EQ(graphite_hot_reload_init(&config), nullptr);
}

}  // namespace
}  // namespace graphite
