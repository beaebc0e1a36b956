// What each option of graphite_hot_reload_config changes, by the C functions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "bindings/c/graphite_live.h"
#include "tests/bindings/following.hpp"

namespace graphite {
namespace {

using namespace test;

/// A context with what `set` makes of the default configuration.
class context_with {
 public:
  template <class Set>
  context_with(const bundle_on_disk& disk, Set set) : folder_(disk.path()) {
    graphite_hot_reload_config config;
    graphite_hot_reload_config_init(&config);
    config.watch_directory = folder_.c_str();
    set(config);
    context_ = graphite_hot_reload_init(&config);
    EXPECT_NE(context_, nullptr) << graphite_last_error();
  }
  ~context_with() { graphite_hot_reload_shutdown(context_); }
  context_with(const context_with&) = delete;
  context_with& operator=(const context_with&) = delete;

  graphite_hot_reload_context* get() const { return context_; }
  const graphite_atomic_bundle* place() const { return graphite_hot_reload_bundle(context_); }
  graphite_statistics statistics() const {
    graphite_statistics out{};
    out.size = sizeof out;
    EXPECT_EQ(graphite_hot_reload_statistics(context_, &out), GRAPHITE_SUCCESS);
    return out;
  }
  void poll() const {
    std::size_t left = 1;
    while (left > 0) ASSERT_EQ(graphite_poll(context_, long_ns, &left), GRAPHITE_SUCCESS);
  }
  std::string shown(const std::string& name) const {
    const graphite_bundle* const now = graphite_acquire_reader(place(), nullptr);
    graphite_asset asset;
    std::string out = "absent";
    if (graphite_find(now, id_named(name), &asset) == GRAPHITE_SUCCESS) {
      graphite_part bytes;
      EXPECT_EQ(graphite_asset_part(now, &asset, 0, &bytes), GRAPHITE_SUCCESS);
      out.assign(static_cast<const char*>(bytes.data), bytes.size);
    }
    graphite_release_reader(place());
    return out;
  }

 private:
  const std::string folder_;
  graphite_hot_reload_context* context_ = nullptr;
};

TEST(hot_reload_options, the_callback_gets_old_and_new_generation) {
  bundle_on_disk disk(20);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
  const context_with live(disk, [&](graphite_hot_reload_config& config) {
    config.user_data = &told;
    config.callback = [](const graphite_bundle* before, const graphite_bundle* now, void* user_data) {
      const auto number = [](const graphite_bundle* one) -> std::uint64_t {
        graphite_bundle_info info{};
        if (one != nullptr) graphite_bundle_describe(one, &info);
        return info.sequence;
      };
      static_cast<decltype(told)*>(user_data)->emplace_back(number(before), number(now));
    };
  });
  live.poll();
  const auto first = disk.sequence();
  disk.change("a", bytes_of("new"));
  ASSERT_EQ(graphite_wait(live.get(), 1, long_ns), GRAPHITE_SUCCESS);
  live.poll();
  EXPECT_THAT(told, testing::ElementsAre(std::pair(std::uint64_t{0}, first), std::pair(first, first + 1)));
}

TEST(hot_reload_options, swap_in_poll_keeps_what_is_staged_until_the_program_polls) {
  bundle_on_disk disk(20);
  const context_with live(disk, [](graphite_hot_reload_config& config) { config.swap_in_poll = true; });
  live.poll();
  disk.change("a", bytes_of("new"));
  ASSERT_TRUE(wait_until([&] { return live.statistics().reload_pending; }));
  EXPECT_EQ(live.shown("a"), "absent");
  EXPECT_EQ(live.statistics().version, 1u);
  live.poll();
  EXPECT_EQ(live.shown("a"), "new");
  EXPECT_EQ(live.statistics().version, 2u);
  EXPECT_FALSE(live.statistics().reload_pending);
}

TEST(hot_reload_options, a_folder_that_is_trusted_is_not_checked) {
  for (const bool trusted : {false, true}) {
    bundle_on_disk disk(20);
    const context_with live(disk, [&](graphite_hot_reload_config& config) { config.trust_folder = trusted; });
    disk.damage_next();
    disk.change("a", bytes_of("not this"));
    ASSERT_TRUE(wait_until([&] { return live.statistics().failed > 0 || live.statistics().version == 2; }));
    EXPECT_EQ(live.statistics().version, trusted ? 2u : 1u);
    disk.change("a", bytes_of("four"));
    ASSERT_TRUE(wait_until([&] { return live.shown("a") == "four"; }));
    const auto checked = live.statistics().verified_bytes;
    EXPECT_EQ(checked == 0, trusted) << checked;
  }
}

// How long is settle_timer's.
TEST(hot_reload_options, with_a_pause_the_newest_generation_is_taken_up_too) {
  bundle_on_disk disk(20);
  const context_with live(disk, [](graphite_hot_reload_config& config) { config.debounce_ms = 5; });
  for (int i = 0; i < 20; ++i) disk.change("a", bytes_of(std::to_string(i)));
  ASSERT_TRUE(wait_until([&] { return live.shown("a") == "19"; }));
  EXPECT_EQ(live.statistics().sequence, disk.sequence());
}

TEST(hot_reload_options, who_holds_a_generation_too_long_is_named_in_the_log) {
  struct {
    std::mutex mutex;
    std::vector<std::string> lines;
  } log;
  graphite_set_log(
      [](graphite_log_level, const char* text, void* user_data) {
        auto& into = *static_cast<decltype(log)*>(user_data);
        const std::lock_guard lock(into.mutex);
        into.lines.emplace_back(text);
      },
      GRAPHITE_LOG_WARNING, &log);
  const auto said = [&](const std::string& part) {
    const std::lock_guard lock(log.mutex);
    return std::ranges::any_of(log.lines,
                               [&](const auto& one) { return one.find(part) != std::string::npos; });
  };
  {
    bundle_on_disk disk(20);
    const context_with live(disk, [](graphite_hot_reload_config& config) { config.held_pin_warning_ms = 1; });
    graphite_acquire_reader(live.place(), nullptr);
    disk.change("a", bytes_of("new"));
    EXPECT_TRUE(wait_until([&] { return said("still reads version 1"); }));
    graphite_release_reader(live.place());
    graphite_pin pin;
    ASSERT_EQ(graphite_reader_pin(live.place(), &pin), GRAPHITE_SUCCESS);
    disk.change("a", bytes_of("newer"));
    EXPECT_TRUE(wait_until([&] { return said("a pin still holds version 2"); }));
    EXPECT_GT(live.statistics().longest_held_ns, 0u);
    graphite_reader_unpin(&pin);
  }
  graphite_set_log(nullptr, GRAPHITE_LOG_DEBUG, nullptr);
}

}  // namespace
}  // namespace graphite
