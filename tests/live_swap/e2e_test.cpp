// A publisher in this process, `run_subscribe` in others: real sockets, real files.

#include "tests/live_swap/harness.hpp"

namespace graphite {
namespace {

using namespace test;

TEST_F(live_swap, edits_reach_the_files_of_another_process) {
  test::small_publisher publisher({}, hash_);
  publisher.edit("a/b.txt", "one");
  served_channel channel(publisher, clock_);
  channel.publish();
  child subscriber(channel.address(), into());
  ASSERT_TRUE(converges(publisher));
  for (int i = 0; i < 30; ++i) {
    random_edit(publisher);
    channel.publish();
    if (i % 5 == 0) {
      ASSERT_TRUE(converges(publisher)) << i;
    }
  }
  publisher.edit("a/b.txt", std::nullopt);
  publisher.edit("a", "a file where a folder was");
  channel.publish();
  ASSERT_TRUE(converges(publisher));
  EXPECT_TRUE(eventually([&] { return !channel.port().peers().empty(); }));
  const int status = subscriber.end(SIGINT);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  const std::string events = slurp(into().string() + ".out");
  EXPECT_NE(events.find(R"("event":"swap","channel":"main")"), std::string::npos);
  EXPECT_NE(events.find(R"("edit_to_swap_us":)"), std::string::npos);
}

TEST_F(live_swap, a_large_file_is_fetched_by_its_changed_chunks) {
  test::small_publisher publisher({}, hash_);
  std::string big = text(8'000'000);
  publisher.edit("big.bin", big);
  served_channel channel(publisher, clock_);
  channel.publish();
  child subscriber(channel.address(), into());
  ASSERT_TRUE(converges(publisher));
  big.replace(4'000'000, 100, std::string(100, 'x'));
  publisher.edit("big.bin", big);
  channel.publish();
  ASSERT_TRUE(converges(publisher));
  const std::string events = slurp(into().string() + ".out");
  const auto last = events.rfind("\"bytes_fetched\":");
  ASSERT_NE(last, std::string::npos);
  EXPECT_LT(std::stoull(events.substr(last + 16)), 1'000'000u);
}

TEST_F(live_swap, a_killed_subscriber_converges) {
  test::small_publisher publisher({}, hash_);
  for (int i = 0; i < 40; ++i) random_edit(publisher);
  served_channel channel(publisher, clock_);
  channel.publish();
  for (int round = 0; round < 25; ++round) {
    child subscriber(channel.address(), into());
    const auto until = std::chrono::steady_clock::now() + milliseconds(rng_() % 120);
    while (std::chrono::steady_clock::now() < until) {
      random_edit(publisher);
      channel.publish();
      std::this_thread::sleep_for(milliseconds(rng_() % 4));
    }
    subscriber.end(SIGKILL);
  }
  child last(channel.address(), into());
  ASSERT_TRUE(converges(publisher));
}

TEST_F(live_swap, dies_at_every_named_point_and_converges) {
  constexpr int edits_until_death = 20;
  test::small_publisher publisher({}, hash_);
  for (int i = 0; i < 10; ++i) random_edit(publisher);
  served_channel channel(publisher, clock_);
  channel.publish();
  for (const char* point :
       {"tree replaced", "change logged", "contents adopted", "tree updated", "link made", "flipped"})
    for (int round = 0; round < 2; ++round) {
      if (round == 0) fs::remove_all(into());
      ::setenv("LIVE_SWAP_DIE_AT", point, 1);
      {
        child dying(channel.address(), into());
        ::unsetenv("LIVE_SWAP_DIE_AT");
        bool died = dying.ended(milliseconds(60));
        for (int edits = 0; edits < edits_until_death && !died; ++edits) {
          random_edit(publisher);
          channel.publish();
          died = dying.ended(milliseconds(200));
        }
        EXPECT_TRUE(died || round > 0) << point << " is not on a new subscriber's way";
      }
      child next(channel.address(), into());
      ASSERT_TRUE(converges(publisher)) << point << " round " << round;
      random_edit(publisher);
      channel.publish();
      ASSERT_TRUE(converges(publisher)) << point << " round " << round;
    }
}

TEST_F(live_swap, a_restarted_publisher_is_followed_and_an_old_one_is_not) {
  std::uint16_t port = 0;
  test::small_publisher first({"main", {}, epoch_number{100}}, hash_);
  first.edit("x", "from the first");
  auto channel = std::make_unique<served_channel>(first, clock_);
  channel->publish();
  port = channel->heads_port();
  child subscriber(channel->address(), into());
  ASSERT_TRUE(converges(first));
  channel.reset();

  test::small_publisher second({"main", {}, epoch_number{200}}, hash_);
  second.edit("x", "from the second");
  second.edit("y", text(100'000));
  channel = std::make_unique<served_channel>(second, clock_, port);
  channel->publish();
  ASSERT_TRUE(converges(second));
  channel.reset();

  test::small_publisher stale({"main", {}, epoch_number{150}}, hash_);
  stale.edit("x", "from the past");
  channel = std::make_unique<served_channel>(stale, clock_, port);
  channel->publish();
  ASSERT_TRUE(eventually([&] { return channel->counters().listeners > 0; }));
  ASSERT_TRUE(eventually([&] { return channel->counters().sent > 3; }));
  EXPECT_EQ(files_below(into() / "current"), second.files());
}

TEST_F(live_swap, sixteen_processes_see_every_last_edit) {
  test::small_publisher publisher({}, hash_);
  publisher.edit("a", "start");
  served_channel channel(publisher, clock_);
  channel.publish();
  std::vector<std::unique_ptr<child>> children;
  for (int n = 0; n < 16; ++n) children.push_back(std::make_unique<child>(channel.address(), into(n)));
  for (int n = 0; n < 16; ++n) ASSERT_TRUE(converges(publisher, n));
  for (int i = 0; i < 20; ++i) {
    publisher.edit("a", text(16 * 1024));
    channel.publish();
  }
  for (int n = 0; n < 16; ++n) ASSERT_TRUE(converges(publisher, n));
}

TEST_F(live_swap, the_command_runs_after_swaps) {
  test::small_publisher publisher({}, hash_);
  publisher.edit("a", "start");
  served_channel channel(publisher, clock_);
  channel.publish();
  const fs::path seen = folder_ / "seen";
  child subscriber(channel.address(), into(), "cp $GRAPHITE_CURRENT/a " + seen.string());
  ASSERT_TRUE(eventually([&] { return slurp(seen) == "start"; }));
  publisher.edit("a", "end");
  channel.publish();
  ASSERT_TRUE(eventually([&] { return slurp(seen) == "end"; }));
}

TEST_F(live_swap, a_failed_asset_is_told) {
  small_publisher publisher({}, hash_);
  publisher.edit("a", "start");
  served_channel channel(publisher, clock_);
  channel.publish();
  child subscriber(channel.address(), into());
  ASSERT_TRUE(converges(publisher));
  publisher.set_behind(
      {1, {{*logical_path::parse("b.png"), behind_asset::why::failed, "no \"such\" colour"}}});
  channel.publish();
  const std::string events = into().string() + ".out";
  EXPECT_TRUE(eventually([&] {
    return slurp(events).find(R"("behind":{"count":1,"listed":[{"path":"b.png","reason":"failed",)"
                              R"("message":"no \"such\" colour"}]})") != std::string::npos;
  })) << slurp(events);
}

/// Damages the state of a stopped subscriber; the next one shows all again.
class damaged_files : public live_swap, public ::testing::WithParamInterface<int> {
 protected:
  static void flip(const fs::path& path, double where) {
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto at = static_cast<std::streamoff>(static_cast<double>(fs::file_size(path)) * where);
    file.seekg(at);
    const char old = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(old ^ 1));
  }
  static std::vector<fs::path> objects(const fs::path& home) {
    std::vector<fs::path> out;
    for (const auto& entry : fs::recursive_directory_iterator(home / "objects"))
      if (entry.is_regular_file()) out.push_back(entry.path());
    return out;
  }
  /// Kinds from here on are of a state that was synced: it is not checked byte by byte.
  static constexpr int synced_kinds = 14;
  void damage(int kind) {
    const fs::path home = into() / ".graphite";
    if (kind == 0) fs::remove(home / "pages");
    if (kind == 1) flip(home / "pages", 0.4);
    if (kind == 2) fs::resize_file(home / "pages", fs::file_size(home / "pages") / 2);
    if (kind == 3) fs::remove(home / "swaps");
    if (kind == 4) flip(home / "swaps", 0.01);
    if (kind == 5) flip(home / "swaps", 0.9);
    if (kind == 6 || kind == 14)
      for (const auto& path : objects(home)) fs::remove(path);
    if (kind == 7) fs::remove_all(home / "tree.0");
    if (kind == 8) fs::remove_all(home / "tree.1");
    if (kind == 9) fs::remove(into() / "current");
    if (kind == 10) fs::remove(into() / "current" / "f50");
    if (kind == 11 || kind == 15) fs::resize_file(objects(home).front(), 1);
    if (kind == 12) {
      for (const auto& path : objects(home)) flip(path, 0.5);
      fs::remove(home / "swaps");
    }
    if (kind == 13 || kind == 16) fs::remove_all(home / "objects");
  }
};

TEST_P(damaged_files, are_fetched_again) {
  small_publisher publisher({}, hash_);
  for (int i = 0; i < 100; ++i) publisher.edit(fmt::format("f{}", i), text(2000));
  served_channel channel(publisher, clock_);
  channel.publish();
  {
    child subscriber(channel.address(), into());
    ASSERT_TRUE(converges(publisher));
    for (int i = 0; i < 5; ++i) {
      publisher.edit("f7", text(2000));
      channel.publish();
      ASSERT_TRUE(converges(publisher));
    }
    if (GetParam() >= synced_kinds) std::this_thread::sleep_for(seconds(1));
    const int status = subscriber.end(SIGINT);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  damage(GetParam());

  child subscriber(channel.address(), into());
  ASSERT_TRUE(converges(publisher)) << slurp(into().string() + ".err");
  for (int i = 0; i < 4; ++i) {
    publisher.edit(fmt::format("f{}", i), text(2000));
    channel.publish();
    ASSERT_TRUE(converges(publisher)) << slurp(into().string() + ".err");
  }
}
INSTANTIATE_TEST_SUITE_P(kinds, damaged_files, ::testing::Range(0, 17));

TEST_F(live_swap, an_object_that_vanishes_while_it_runs_is_fetched_again) {
  small_publisher publisher({}, hash_);
  publisher.edit("a", text(2000));
  publisher.edit("b", text(2000));
  served_channel channel(publisher, clock_);
  channel.publish();
  child subscriber(channel.address(), into());
  ASSERT_TRUE(converges(publisher));
  publisher.edit("a", text(2000));
  channel.publish();
  ASSERT_TRUE(converges(publisher));
  fs::remove_all(into() / ".graphite" / "objects");
  for (int i = 0; i < 4; ++i) {
    publisher.edit("b", text(2000));
    channel.publish();
    ASSERT_TRUE(converges(publisher)) << i << slurp(into().string() + ".err");
  }
}

TEST_F(live_swap, what_was_fetched_for_passed_over_generations_goes) {
  small_publisher publisher({}, hash_);
  publisher.edit("a", "start");
  served_channel channel(publisher, clock_);
  channel.publish();
  const fs::path staging = into() / ".graphite" / "staging";
  {
    child before(channel.address(), into());
    ASSERT_TRUE(converges(publisher));
    before.end(SIGKILL);
  }
  const std::string whole = "fetched, and never shown";  // nothing is wrong with it
  const auto name = content_of(chunk_bytes(as_bytes(whole), hash_), hash_).id;
  std::ofstream(staging / to_hex(name)) << whole;
  child subscriber(channel.address(), into());
  publisher.edit("a", text(100'000));
  channel.publish();
  ASSERT_TRUE(converges(publisher));
  EXPECT_TRUE(eventually([&] { return fs::is_empty(staging); }));
}

}  // namespace
}  // namespace graphite
