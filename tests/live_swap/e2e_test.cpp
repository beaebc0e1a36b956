// A publisher in this process, `run_subscribe` in others: real sockets, real files.

#include <fcntl.h>
#include <sys/stat.h>

#include "core/kill_point_names.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/linux/process_group.hpp"
#include "tests/live_swap/harness.hpp"

namespace graphite {
namespace {

using namespace test;

TEST_F(live_swap, edits_reach_the_files_of_another_process) {
  small_publisher publisher({}, hash_);
  publisher.edit("a/b.txt", "one");
  served_channel channel(publisher, clock_);
  channel.publish();
  const auto subscriber = subscribe(channel.address());
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
  EXPECT_TRUE(wait_until([&] { return !channel.port().peers().empty(); }));
  const int status = subscriber->end(SIGINT);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  const std::string events = slurp(into().string() + ".out");
  EXPECT_NE(events.find(R"("event":"swap","channel":"main")"), std::string::npos);
  EXPECT_NE(events.find(R"("edit_to_swap_us":)"), std::string::npos);
}

TEST_F(live_swap, a_large_file_is_fetched_by_its_changed_chunks) {
  small_publisher publisher({}, hash_);
  std::string big = text(8'000'000);
  publisher.edit("big.bin", big);
  served_channel channel(publisher, clock_);
  channel.publish();
  const auto subscriber = subscribe(channel.address());
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
  small_publisher publisher({}, hash_);
  for (int i = 0; i < 40; ++i) random_edit(publisher);
  served_channel channel(publisher, clock_);
  channel.publish();
  for (int round = 0; round < 25; ++round) {
    const auto subscriber = subscribe(channel.address());
    const auto until = std::chrono::steady_clock::now() + milliseconds(rng_() % 120);
    while (std::chrono::steady_clock::now() < until) {
      random_edit(publisher);
      channel.publish();
      std::this_thread::sleep_for(milliseconds(rng_() % 4));
    }
    subscriber->end(SIGKILL);
  }
  const auto last = subscribe(channel.address());
  ASSERT_TRUE(converges(publisher));
}

/// At a new subscriber's first pass, and at a later one of one that goes on from there.
TEST_F(live_swap, dies_at_every_named_point_and_converges) {
  small_publisher publisher({}, hash_);
  for (int i = 0; i < 10; ++i) random_edit(publisher);
  served_channel channel(publisher, clock_);
  channel.publish();
  log_bytes_max_ = 4096;  // so that the log of swaps is written anew all the time
  for (const auto name : kill_point_names) {
    if (!name.starts_with("mirror.")) continue;
    const std::string point(name);
    fs::remove_all(into());
    EXPECT_TRUE(dies_at(point, publisher, channel)) << point << " is not on a new subscriber's way";
    {
      child at_a_later_pass({channel.address(), into(), "", false, log_bytes_max_, point + ":4"});
      (void)dies_of_edits(at_a_later_pass, publisher, channel);  // where it comes that far
    }
    const auto next = subscribe(channel.address());
    ASSERT_TRUE(converges(publisher)) << point << slurp(into().string() + ".err");
    random_edit(publisher);
    channel.publish();
    ASSERT_TRUE(converges(publisher)) << point << slurp(into().string() + ".err");
  }
}

/// Heartbeats come only when the test says so: what converges after two of them needs no third.
class two_heartbeats : public live_swap {
 protected:
  std::unique_ptr<served_channel> serve(small_publisher& publisher, std::uint16_t port = 0) {
    auto channel = std::make_unique<served_channel>(publisher, clock_, port, beating::by_hand);
    channel->publish();
    return channel;
  }
  /// True where the subscriber shows all after it has listened to two heartbeats.
  bool are_enough(served_channel& channel, const small_publisher& publisher) {
    if (!wait_until([&] { return channel.counters().listeners > 0; })) return false;
    channel.beat();
    channel.beat();
    return converges(publisher);
  }
  void edit(small_publisher& publisher) {
    for (int i = 0; i < 20; ++i) random_edit(publisher);
  }
};

TEST_F(two_heartbeats, bring_a_late_joiner_up_to_date) {
  small_publisher publisher({}, hash_);
  edit(publisher);
  const auto channel = serve(publisher);
  edit(publisher);
  channel->publish();
  const auto subscriber = subscribe(channel->address());
  EXPECT_TRUE(are_enough(*channel, publisher)) << slurp(into().string() + ".err");
}

TEST_F(two_heartbeats, bring_a_killed_subscriber_up_to_date) {
  small_publisher publisher({}, hash_);
  edit(publisher);
  const auto channel = serve(publisher);
  {
    const auto killed = subscribe(channel->address());
    ASSERT_TRUE(are_enough(*channel, publisher));
    killed->end(SIGKILL);
  }
  ASSERT_TRUE(wait_until([&] { return channel->counters().listeners == 0; }));
  edit(publisher);
  channel->publish();
  const auto subscriber = subscribe(channel->address());
  EXPECT_TRUE(are_enough(*channel, publisher)) << slurp(into().string() + ".err");
}

TEST_F(two_heartbeats, bring_the_subscriber_of_a_restarted_publisher_up_to_date) {
  small_publisher first({"main", {}, epoch_number{100}}, hash_),
      second({"main", {}, epoch_number{200}}, hash_);
  edit(first);
  auto channel = serve(first);
  const std::uint16_t port = channel->heads_port();
  const auto subscriber = subscribe(channel->address());
  ASSERT_TRUE(are_enough(*channel, first));
  channel.reset();
  edit(second);
  channel = serve(second, port);
  EXPECT_TRUE(are_enough(*channel, second)) << slurp(into().string() + ".err");
}

TEST_F(live_swap, a_restarted_publisher_is_followed_and_an_old_one_is_not) {
  std::uint16_t port = 0;
  small_publisher first({"main", {}, epoch_number{100}}, hash_);
  first.edit("x", "from the first");
  auto channel = std::make_unique<served_channel>(first, clock_);
  channel->publish();
  port = channel->heads_port();
  const auto subscriber = subscribe(channel->address());
  ASSERT_TRUE(converges(first));
  channel.reset();

  small_publisher second({"main", {}, epoch_number{200}}, hash_);
  second.edit("x", "from the second");
  second.edit("y", text(100'000));
  channel = std::make_unique<served_channel>(second, clock_, port);
  channel->publish();
  ASSERT_TRUE(converges(second));
  channel.reset();

  small_publisher stale({"main", {}, epoch_number{150}}, hash_);
  stale.edit("x", "from the past");
  channel = std::make_unique<served_channel>(stale, clock_, port);
  channel->publish();
  ASSERT_TRUE(wait_until([&] { return channel->counters().listeners > 0; }));
  ASSERT_TRUE(wait_until([&] { return channel->counters().sent > 3; }));
  EXPECT_EQ(files_below(into() / "current"), second.files());
}

TEST_F(live_swap, sixteen_processes_see_every_last_edit) {
  small_publisher publisher({}, hash_);
  publisher.edit("a", "start");
  served_channel channel(publisher, clock_);
  channel.publish();
  std::vector<std::unique_ptr<child>> children;
  for (int n = 0; n < 16; ++n) children.push_back(subscribe(channel.address(), n));
  for (int n = 0; n < 16; ++n) ASSERT_TRUE(converges(publisher, n));
  for (int i = 0; i < 20; ++i) {
    publisher.edit("a", text(16 * 1024));
    channel.publish();
  }
  for (int n = 0; n < 16; ++n) ASSERT_TRUE(converges(publisher, n));
}

TEST_F(live_swap, the_command_runs_after_swaps) {
  small_publisher publisher({}, hash_);
  publisher.edit("a", "start");
  served_channel channel(publisher, clock_);
  channel.publish();
  const fs::path seen = into(9);
  child subscriber({channel.address(), into(), "cp $GRAPHITE_CURRENT/a " + seen.string(), false, 0, ""});
  ASSERT_TRUE(wait_until([&] { return slurp(seen) == "start"; }));
  publisher.edit("a", "end");
  channel.publish();
  ASSERT_TRUE(wait_until([&] { return slurp(seen) == "end"; }));
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> out;
  std::istringstream text(slurp(path));
  for (std::string line; std::getline(text, line);) out.push_back(line);
  return out;
}

/// What --exec writes with `told_by_exec` for the newest generation.
std::string told_of(const small_publisher& publisher, const fs::path& into) {
  const head now = *publisher.newest();
  return fmt::format("{} {} {} {} {}", now.channel, now.epoch.value, now.sequence.value, to_hex(now.root),
                     (into / "current").string());
}
constexpr const char* told_by_exec =
    "echo $GRAPHITE_CHANNEL $GRAPHITE_EPOCH $GRAPHITE_SEQUENCE $GRAPHITE_ROOT $GRAPHITE_CURRENT";

TEST_F(live_swap, a_slow_command_holds_no_swap_up_and_runs_once_for_all_it_missed) {
  small_publisher publisher({}, hash_);
  publisher.edit("a", "start");
  served_channel channel(publisher, clock_);
  channel.publish();
  const fs::path seen = into(8), gate = into(9);
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  const owned_fd opener(::open(gate.c_str(), O_RDWR | O_CLOEXEC));  // each line lets one run go on
  const auto command = fmt::format("{} >> {}; read line < {}", told_by_exec, seen.string(), gate.string());
  child subscriber({channel.address(), into(), command, false, 0, ""});
  ASSERT_TRUE(wait_until([&] { return lines_of(seen).size() == 1; }));
  EXPECT_EQ(lines_of(seen).front(), told_of(publisher, into()));
  for (int i = 0; i < 20; ++i) {
    publisher.edit("a", text(1000));
    channel.publish();
    ASSERT_TRUE(converges(publisher)) << "the command holds up swap " << i;
  }
  EXPECT_EQ(lines_of(seen).size(), 1u);
  ASSERT_EQ(::write(opener.get(), "\n\n\n\n", 4), 4);
  EXPECT_TRUE(wait_until([&] { return lines_of(seen).back() == told_of(publisher, into()); })) << slurp(seen);
  subscriber.end(SIGINT);
  EXPECT_LE(lines_of(seen).size(), 3u) << slurp(seen);
}

TEST_F(live_swap, a_command_that_ignores_sigterm_does_not_keep_it_from_ending) {
  small_publisher publisher({}, hash_);
  publisher.edit("a", "start");
  served_channel channel(publisher, clock_);
  channel.publish();
  const fs::path seen = into(9);
  child subscriber(
      {channel.address(), into(),
       fmt::format("trap '' TERM; echo $$ > {0}.new; mv {0}.new {0}; sleep 1000; sleep 1000", seen.string()),
       false, 0, ""});
  ASSERT_TRUE(wait_until([&] { return fs::exists(seen); }));
  ::kill(subscriber.pid(), SIGTERM);
  ASSERT_TRUE(subscriber.ended(seconds(30))) << "it waits for its command";
  EXPECT_FALSE(group_has_living(std::stoi(slurp(seen)))) << "something of the command still runs";
}

TEST_F(live_swap, a_failed_asset_is_told) {
  small_publisher publisher({}, hash_);
  publisher.edit("a", "start");
  served_channel channel(publisher, clock_);
  channel.publish();
  const auto subscriber = subscribe(channel.address());
  ASSERT_TRUE(converges(publisher));
  publisher.set_behind(
      {1, {{*logical_path::parse("b.png"), behind_asset::why::failed, "no \"such\" colour"}}});
  channel.publish();
  const std::string events = into().string() + ".out";
  EXPECT_TRUE(wait_until([&] {
    return slurp(events).find(R"("behind":{"count":1,"listed":[{"path":"b.png","reason":"failed",)"
                              R"("message":"no \"such\" colour"}]})") != std::string::npos;
  })) << slurp(events);
}

/// Damages the state of a stopped subscriber; the next one shows all again.
class damaged_files : public live_swap, public ::testing::WithParamInterface<int> {
 protected:
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
    const auto subscriber = subscribe(channel.address());
    ASSERT_TRUE(converges(publisher));
    for (int i = 0; i < 5; ++i) {
      publisher.edit("f7", text(2000));
      channel.publish();
      ASSERT_TRUE(converges(publisher));
    }
    if (GetParam() >= synced_kinds) std::this_thread::sleep_for(seconds(1));
    const int status = subscriber->end(SIGINT);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  damage(GetParam());

  const auto subscriber = subscribe(channel.address());
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
  const auto subscriber = subscribe(channel.address());
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
    const auto before = subscribe(channel.address());
    ASSERT_TRUE(converges(publisher));
    before->end(SIGKILL);
  }
  const std::string whole = "fetched, and never shown";  // nothing is wrong with it
  const auto name = content_of(chunk_bytes(as_bytes(whole), hash_), hash_).id;
  std::ofstream(staging / to_hex(name)) << whole;
  const auto subscriber = subscribe(channel.address());
  publisher.edit("a", text(100'000));
  channel.publish();
  ASSERT_TRUE(converges(publisher));
  EXPECT_TRUE(wait_until([&] { return fs::is_empty(staging); }));
}

}  // namespace
}  // namespace graphite
