// A publisher in this process, `run_subscribe` in others: real sockets, real files.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "cli/chunk_port.hpp"
#include "cli/subscribe.hpp"
#include "cli/swap_event.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/zmq/chunk_server.hpp"
#include "platform/zmq/head_publisher.hpp"
#include "schemas/codec/announcement.hpp"
#include "tests/live_swap/small_publisher.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;

class real_clock final : public clock_source {
 public:
  time_point now() const override { return std::chrono::steady_clock::now(); }
  std::int64_t unix_ns() const override {
    return std::chrono::system_clock::now().time_since_epoch().count();
  }
};

/// Ports around a small_publisher, with a thread that beats.
class served_channel {
 public:
  served_channel(test::small_publisher& publisher, const real_clock& clock, std::uint16_t heads_port = 0)
      : publisher_(publisher), port_(chunk_service(publisher.sources()), clock) {
    who_.value.bytes.fill(static_cast<std::uint8_t>(++starts));
    context_ = *zmq_context::make({1, 16, 64});
    server_ = *make_zmq_chunk_server(context_, {{"127.0.0.1", 0, false}, 65536}, port_);
    heads_ = *make_zmq_publisher(context_, {{"127.0.0.1", heads_port, false}, 1024, milliseconds(20)});
    const std::string address = server_->address();
    chunk_port_number_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    beater_ = std::thread([this] { beat_until_end(); });
  }
  ~served_channel() {
    stopping_.store(true);
    beater_.join();
  }
  void publish() {
    announced_times times;
    times.edited = times.published = clock_.now();
    heads_->announce("main", encode(publisher_.publish(times, this_boot())));
  }
  std::string address() const { return heads_->address(); }
  std::uint16_t heads_port() const {
    return static_cast<std::uint16_t>(std::stoi(address().substr(address().rfind(':') + 1)));
  }
  chunk_port& port() { return port_; }
  head_publisher::counters counters() const { return heads_->count(); }

 private:
  void beat_until_end() {
    for (int tick = 0; !stopping_.load(); ++tick) {
      if (tick % 50 == 0) heads_->beat(encode(publisher_.beat(chunk_port_number_, who_)));
      std::this_thread::sleep_for(milliseconds(10));
    }
  }
  static inline int starts = 0;
  real_clock clock_;
  test::small_publisher& publisher_;
  chunk_port port_;
  incarnation_id who_;
  std::shared_ptr<zmq_context> context_;
  std::unique_ptr<chunk_server> server_;
  std::unique_ptr<head_publisher> heads_;
  std::uint16_t chunk_port_number_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread beater_;
};

/// A child process that subscribes. It is the helper program beside this test, so that nothing is forked
/// from a process with threads but to exec.
class child {
 public:
  child(const std::string& from, const fs::path& into, const std::string& exec = "") {
    const std::string out = into.string() + ".out";
    const std::string program = fs::read_symlink("/proc/self/exe").parent_path() / "live_swap_subscriber";
    pid_ = ::fork();
    if (pid_ != 0) return;
    if (!::freopen(out.c_str(), "a", stdout)) ::_exit(99);
    if (!::freopen((into.string() + ".err").c_str(), "a", stderr)) ::_exit(99);
    ::execl(program.c_str(), program.c_str(), from.c_str(), into.c_str(), exec.c_str(), nullptr);
    ::_exit(98);
  }
  ~child() {
    if (pid_ > 0) end(SIGKILL);
  }
  int end(int signal) {
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_ = 0;
};

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

std::map<std::string, std::string> files_below(const fs::path& folder) {
  std::map<std::string, std::string> out;
  std::error_code ignored;
  const fs::path real = fs::canonical(folder, ignored);
  if (ignored) return out;
  for (auto it = fs::recursive_directory_iterator(real, ignored);
       !ignored && it != fs::recursive_directory_iterator(); it.increment(ignored))
    if (it->is_regular_file(ignored)) out[fs::relative(it->path(), real).string()] = slurp(it->path());
  return out;
}

template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + seconds(20);
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return condition();
}

class live_swap : public ::testing::Test {
 protected:
  live_swap() : folder_(fs::temp_directory_path() / fmt::format("graphite-live-{}", ::getpid())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~live_swap() override {
    if (!HasFailure()) fs::remove_all(folder_);
  }
  fs::path into(int n = 0) const { return folder_ / fmt::format("into{}", n); }
  bool converges(const test::small_publisher& publisher, int n = 0) {
    return eventually([&] { return files_below(into(n) / "current") == publisher.files(); });
  }
  std::string text(std::size_t bytes) {
    std::string out(bytes, ' ');
    for (auto& c : out) c = static_cast<char>(rng_());
    return out;
  }
  void random_edit(test::small_publisher& publisher) {
    const std::string path = fmt::format("d{}/e{}/f{}", rng_() % 3, rng_() % 2, rng_() % 10);
    const auto kind = rng_() % 8;
    if (kind == 0 && publisher.files().contains(path))
      publisher.edit(path, std::nullopt);
    else if (kind == 1)
      publisher.edit(path, text(200'000 + rng_() % 200'000));
    else if (kind == 2)
      publisher.edit(path, std::string());
    else
      publisher.edit(path, text(rng_() % 20'000));
  }

  openssl_hasher hash_;
  real_clock clock_;
  std::mt19937_64 rng_{11};
  fs::path folder_;
};

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
        std::this_thread::sleep_for(milliseconds(60));
        random_edit(publisher);
        channel.publish();
        std::this_thread::sleep_for(milliseconds(60));
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

}  // namespace
}  // namespace graphite
