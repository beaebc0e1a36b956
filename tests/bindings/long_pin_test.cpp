#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "bindings/c/graphite.hpp"
#include "tests/bindings/bundle_on_disk.hpp"
#include "tests/bindings/mapped_files.hpp"
#include "tests/support/wait_until.hpp"

// A thread that holds a pin while a hundred generations pass: what it holds stays, and nothing else.

namespace graphite {
namespace {

using namespace test;

constexpr int generations = 100;
constexpr std::uint64_t wait_ns = 30'000'000'000;

/// A thread that pins what is current, reads it again and again, and lets it go at the end.
class slow_reader {
 public:
  slow_reader(const graphite_atomic_bundle& place, const std::string& name)
      : thread_([&place, name, this] { read(place, name); }) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return thread_number_ != 0; });
  }
  ~slow_reader() { let_go(); }

  std::uint32_t thread() const { return thread_number_; }
  /// What every read gave.
  std::string let_go() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    return seen_;
  }
  /// It reads once more before this returns.
  void read_again() {
    std::unique_lock lock(mutex_);
    const auto before = reads_;
    ++wanted_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return reads_ > before; });
  }

 private:
  void read(const graphite_atomic_bundle& place, const std::string& name) {
    const pinned now(place);
    std::unique_lock lock(mutex_);
    while (true) {
      const std::string bytes(part(now.get(), *find(now.get(), name)));
      if (reads_ != 0 && bytes != seen_) ADD_FAILURE() << "what is pinned changed to " << bytes;
      seen_ = bytes;
      ++reads_;
      thread_number_ = static_cast<std::uint32_t>(::gettid());
      changed_.notify_all();
      changed_.wait(lock, [&] { return stopping_ || wanted_ >= reads_; });
      if (stopping_) return;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string seen_;
  int reads_ = 0, wanted_ = 0;
  bool stopping_ = false;
  std::uint32_t thread_number_ = 0;
  std::thread thread_;
};

std::string shown(const graphite_atomic_bundle& place, const std::string& name) {
  const pinned now(place);
  return std::string(part(now.get(), *find(now.get(), name)));
}

TEST(long_pin, keeps_the_mappings_of_its_generation_and_of_no_other) {
  bundle_on_disk disk(60);
  disk.change("a.png", as_bytes(std::string_view("first")));
  atomic_bundle place(bundle(disk.path()));
  slow_reader slow(place.place(), "a.png");
  const auto one_generation = mappings_with(disk.path());
  ASSERT_GE(one_generation, 2u) << "pages and a segment";
  for (int i = 1; i <= generations; ++i) {
    const std::string number = std::to_string(i);
    disk.change("a.png", as_bytes(number));
    place.swap(bundle(disk.path()));  // opened by itself: shares no mapping with the one before
    EXPECT_EQ(shown(place.place(), "a.png"), number);
    slow.read_again();
    EXPECT_EQ(place.collect(), 1u) << i;
    EXPECT_EQ(mappings_with(disk.path()), 2 * one_generation) << "of the one that is held and of " << i;
    graphite_held held[2] = {};
    ASSERT_EQ(graphite_atomic_bundle_held(&place.place(), held, 2), 1u) << i;
    EXPECT_EQ(held[0].version, 1u);
    EXPECT_EQ(held[0].thread, slow.thread());
    EXPECT_GT(held[0].since_replaced_ns, 0u);
  }
  EXPECT_EQ(slow.let_go(), "first");
  EXPECT_EQ(place.collect(), 0u);
  EXPECT_EQ(mappings_with(disk.path()), one_generation);
}

TEST(long_pin, is_the_only_replaced_generation_of_a_program_that_follows) {
  bundle_on_disk disk(60);
  disk.change("a.png", as_bytes(std::string_view("first")));
  follow_options options;
  options.folder = disk.path();
  followed_bundle live(std::move(options));
  live.poll();
  slow_reader slow(live.place(), "a.png");
  std::size_t settled = 0;
  for (int i = 1; i <= generations; ++i) {
    const std::string number = std::to_string(i);
    disk.change("a.png", as_bytes(number));
    ASSERT_TRUE(live.wait(static_cast<std::uint64_t>(i), wait_ns)) << i;
    live.poll();
    slow.read_again();
    EXPECT_EQ(shown(live.place(), "a.png"), number);
    const auto now = live.statistics();
    EXPECT_EQ(now.version, static_cast<std::uint64_t>(i + 1));
    EXPECT_EQ(now.replaced_alive, 1u) << i;
    EXPECT_GT(now.longest_held_ns, 0u);
    // The last ones are kept for a rollback; from then on one comes as one goes. The heap may grow a little.
    if (i == 10) settled = mappings_with("") + 8;
    if (i <= 10) continue;
    EXPECT_TRUE(wait_until([&] { return mappings_with("") <= settled; })) << i << ": " << mappings_with("");
  }
  EXPECT_EQ(slow.let_go(), "first");
  EXPECT_TRUE(wait_until([&] { return live.statistics().replaced_alive == 0; }));
}

}  // namespace
}  // namespace graphite
