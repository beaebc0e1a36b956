#include <gtest/gtest.h>

#include "GraphiteCore.h"
#include "tests/bindings/bundle_on_disk.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

using namespace test;
using graphite_unreal::asset_change;
using graphite_unreal::dirty_asset;
using graphite_unreal::follow_settings;
using graphite_unreal::follower;
using graphite_unreal::held_bytes;
using graphite_unreal::object_paths;

constexpr std::chrono::nanoseconds plenty = std::chrono::seconds(30);

byte_span bytes_of(std::string_view text) { return as_bytes(text); }

/// Notes what the follower asks for.
struct noting_engine : graphite_unreal::engine {
  void mark_dirty(const dirty_asset& asset) override {
    say(fmt::format("{}{}", "+~-*"[static_cast<int>(asset.change)], asset.path));
  }
  void refresh_registry(const std::vector<dirty_asset>& assets, bool everything) override {
    say(everything ? "refresh all" : fmt::format("refresh {}", assets.size()));
  }
  void collect_garbage() override { say("collect"); }
  void say(std::string what) {
    lines.push_back(std::move(what));
    if (hook) hook(lines.back());
  }
  std::vector<std::string> take() { return std::exchange(lines, {}); }

  std::vector<std::string> lines;
  std::function<void(const std::string&)> hook;
};

struct unreal_core : ::testing::Test {
  /// Follows the folder; its first generation is told.
  void start(std::size_t batch_max = 1024) {
    ASSERT_TRUE(live.follow(settings(batch_max)).good());
    ASSERT_TRUE(live.poll(plenty).good());
    ASSERT_EQ(engine.take(), std::vector<std::string>{"refresh all"});
  }
  follow_settings settings(std::size_t batch_max = 1024) const {
    follow_settings out;
    out.folder = disk.path();
    out.batch_max = batch_max;
    return out;
  }
  /// Polls until a version is current and told.
  void poll_to(std::uint64_t version) {
    wait_until([&] { return live.version() >= version; });
    wait_until([&] {
      (void)live.poll(plenty);
      return !engine.lines.empty();
    });
  }
  std::string read(std::string_view path) const {
    held_bytes bytes;
    return live.read(path, bytes).good() ? std::string(text(bytes)) : "absent";
  }
  static std::string_view text(const held_bytes& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  bundle_on_disk disk{60};
  noting_engine engine;
  follower live{engine};
};

TEST(unreal_object_paths, say_a_plain_path_as_it_is_and_no_two_paths_alike) {
  object_paths names;
  EXPECT_EQ(names.of("textures/hero.png"), "/Game/Graphite/textures/hero_png.hero_png");
  EXPECT_EQ(names.of("a-b/Level_1.bin"), "/Game/Graphite/a-b/Level_1_bin.Level_1_bin");
  std::set<std::string> all;
  const std::vector<std::string> paths{"a.png",  "a_png", "a/png", "a.b.png", "a_b.png", "a b.png",
                                       "a.p_ng", ".png",  "a.",    "a",       "ä.png",   "a.b/c.png"};
  for (const auto& path : paths) {
    const auto name = names.of(path);
    EXPECT_TRUE(all.insert(name).second) << path << " is " << name << ", as another";
    EXPECT_EQ(name.find_first_of(" ,&!~@#:*?\"<>|\\"), std::string::npos) << name;
    const auto package = object_paths::package_of(name);
    EXPECT_EQ(package.find('.'), std::string::npos) << name;
    EXPECT_EQ(name, package + "." + package.substr(package.rfind('/') + 1));
  }
  names.bind("textures/hero.png", "/Game/Heroes/Hero.Hero");
  EXPECT_EQ(names.of("textures/hero.png"), "/Game/Heroes/Hero.Hero");
  EXPECT_EQ(object_paths("/Other").of("a.b"), "/Other/a_b.a_b");
}

TEST_F(unreal_core, marks_what_changed_refreshes_the_registry_and_collects_once) {
  start();
  EXPECT_EQ(read("new.txt"), "absent");
  disk.change("new.txt", bytes_of("one"));
  poll_to(2);
  EXPECT_EQ(engine.take(), (std::vector<std::string>{"+new.txt", "refresh 1"}))
      << "nothing is to be collected";
  EXPECT_EQ(read("new.txt"), "one");
  disk.change("new.txt", bytes_of("two"));
  poll_to(3);
  EXPECT_EQ(engine.take(), (std::vector<std::string>{"~new.txt", "refresh 1", "collect"}));
  EXPECT_EQ(read("new.txt"), "two");
  disk.remove("new.txt");
  poll_to(4);
  EXPECT_EQ(engine.take(), (std::vector<std::string>{"-new.txt", "refresh 1", "collect"}));
  EXPECT_EQ(live.left(), 0u);
  EXPECT_TRUE(live.poll(plenty).good());
  EXPECT_TRUE(engine.take().empty()) << "nothing is told twice";
}

TEST_F(unreal_core, a_budget_of_nothing_is_one_step) {
  start();
  disk.change("a.txt", bytes_of("1"));
  disk.change("b.txt", bytes_of("1"));
  wait_until([&] { return read("a.txt") == "1" && read("b.txt") == "1"; });
  std::size_t steps = 0, most = 0, before = 0;
  wait_until([&] {
    EXPECT_TRUE(live.poll(std::chrono::nanoseconds(0)).good());
    ++steps;
    most = std::max(most, engine.lines.size() - before);
    before = engine.lines.size();
    return before >= 3;
  });
  EXPECT_GE(steps, 3u);
  EXPECT_LE(most, 2u) << "an asset, or a refresh and a collection";
}

TEST_F(unreal_core, the_registry_hears_of_a_full_batch_at_once) {
  start(2);
  disk.remove(asset_name(1));
  disk.remove(asset_name(2));
  disk.remove(asset_name(3));
  const auto count = [&](char sign) {
    return std::count_if(engine.lines.begin(), engine.lines.end(),
                         [&](auto& line) { return line[0] == sign; });
  };
  wait_until([&] {
    (void)live.poll(plenty);
    return count('-') == 3 && engine.lines.back() == "collect";
  });
  int refreshed = 0;
  for (const auto& line : engine.lines) {
    if (line.rfind("refresh ", 0) == 0) refreshed += line[8] - '0';
    EXPECT_NE(line, "refresh 3");
  }
  EXPECT_EQ(refreshed, 3);
}

TEST_F(unreal_core, held_bytes_outlive_swaps_and_following) {
  start();
  held_bytes old, none;
  ASSERT_TRUE(live.read(asset_name(7), old).good());
  disk.change(asset_name(7), bytes_of("new"));
  poll_to(2);
  EXPECT_EQ(read(asset_name(7)), "new");
  live.stop();
  EXPECT_EQ(text(old), as_text(bundle_on_disk::bytes_of(7)));
  held_bytes moved = std::move(old);
  EXPECT_EQ(text(moved), as_text(bundle_on_disk::bytes_of(7)));
  EXPECT_EQ(none.size(), 0u);
  EXPECT_FALSE(live.read(asset_name(7), none).good());
}

TEST_F(unreal_core, a_hook_may_stop_following_and_begin_again) {
  start();
  for (const std::string at : {"~", "refresh", "collect"}) {
    disk.change("a.txt", bytes_of(at + " old"));
    wait_until([&] {
      (void)live.poll(plenty);
      return read("a.txt") == at + " old" && !engine.lines.empty() && engine.lines.back() != "refresh all";
    });
    (void)engine.take();
    engine.hook = [&](const std::string& line) {
      if (line.rfind(at, 0) == 0) live.stop();
    };
    disk.change("a.txt", bytes_of(at + " new"));
    wait_until([&] { return !live.poll(plenty).good(); });
    EXPECT_FALSE(live.follows());
    EXPECT_EQ(engine.lines.back().rfind(at, 0), 0u) << "nothing is told after " << at;
    engine.hook = nullptr;
    (void)engine.take();
    start();
  }
  engine.hook = [&](const std::string& line) {
    if (line == "~a.txt") {
      EXPECT_TRUE(live.follow(settings()).good());
    }
  };
  disk.change("a.txt", bytes_of("last"));
  wait_until([&] {
    (void)live.poll(plenty);
    return !engine.lines.empty() && engine.lines.back() == "refresh all";
  });
  EXPECT_EQ(read("a.txt"), "last");
}

TEST_F(unreal_core, poll_in_a_hook_is_busy) {
  ASSERT_TRUE(live.follow(settings()).good());
  int busy = 0;
  engine.hook = [&](const std::string&) { busy += !live.poll(plenty).good(); };
  EXPECT_TRUE(live.poll(plenty).good());
  EXPECT_EQ(busy, 1);
}

TEST_F(unreal_core, failures_have_a_code_and_a_text) {
  EXPECT_FALSE(live.poll(plenty).good()) << "nothing is followed";
  EXPECT_EQ(live.version(), 0u);
  const auto nothing = live.follow({});
  EXPECT_FALSE(nothing.good());
  EXPECT_FALSE(nothing.text.empty());
  follow_settings channel;
  channel.folder = disk.path() + "/kept";
  channel.address = "no address";
  EXPECT_FALSE(live.follow(channel).good());
  EXPECT_FALSE(live.follows());
  start();
  held_bytes bytes;
  EXPECT_FALSE(live.read("no/such", bytes).good());
  EXPECT_FALSE(live.read(asset_name(1), bytes, 5).good());
}

TEST_F(unreal_core, swaps_go_on_under_a_thousand_polls) {
  start();
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done.load()) {
      held_bytes bytes;
      if (live.read(asset_name(5), bytes).good()) {
        EXPECT_EQ(text(bytes), as_text(bundle_on_disk::bytes_of(5)));
      }
    }
  });
  for (int i = 0; i < 100; ++i) {
    disk.change("a.txt", bytes_of(fmt::format("{}", i)));
    wait_until([&] {
      (void)live.poll(std::chrono::microseconds(10));
      return read("a.txt") == fmt::format("{}", i);
    });
  }
  done.store(true);
  reader.join();
}

}  // namespace
}  // namespace graphite
