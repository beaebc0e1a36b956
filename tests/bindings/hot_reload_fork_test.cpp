// A program that follows forks: the child has the memory, and neither the thread nor whoever held a lock.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "tests/bindings/following.hpp"
#include "tests/bindings/forked.hpp"

namespace graphite {
namespace {

using namespace test;

follow_options following(const bundle_on_disk& disk) {
  follow_options out;
  out.folder = disk.path();
  return out;
}

TEST(hot_reload_fork, the_child_reads_what_it_inherited_while_the_parent_swaps_on) {
  bundle_on_disk disk(60);
  disk.change("a", bytes_of("one"));
  followed_bundle live(following(disk));
  const asset_handle handle(live, "a");
  signal_pipe swapped;
  const auto reads = [&] { return shown_now(live, "a") == "one" && handle.read().bytes() == "one"; };
  forked child([&] {
    if (!reads()) return 100;
    if (const int wrong = refused_calls(live.get()); wrong != 0) return wrong;
    graphite_handle_close(live.get(), handle.get());
    if (!swapped.take() || !reads()) return 101;
    graphite_hot_reload_shutdown(live.get());  // does nothing: it is the parent's
    return reads() ? 0 : 102;
  });
  disk.change("a", bytes_of("two"));
  ASSERT_TRUE(live.wait(1, long_ns));
  EXPECT_EQ(shown_now(live, "a"), "two");
  EXPECT_EQ(handle.read().bytes(), "two");
  ASSERT_TRUE(swapped.give());
  EXPECT_EQ(child.status(), 0);
  disk.change("a", bytes_of("three"));
  ASSERT_TRUE(live.wait(2, long_ns));
  EXPECT_EQ(shown_now(live, "a"), "three");
  live.poll();
}

TEST(hot_reload_fork, the_child_follows_with_a_context_of_its_own) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "SKIPPED: this sanitizer lets no child of fork() start threads; the other builds run this";
#endif
  bundle_on_disk disk(60);
  disk.change("a", bytes_of("one"));
  followed_bundle live(following(disk));
  signal_pipe begun;
  forked child([&] {
    followed_bundle own(following(disk));
    own.poll();
    if (shown_now(own, "a") != "one" || !begun.give()) return 1;
    if (!own.wait(1, long_ns) || shown_now(own, "a") != "two") return 2;
    return own.statistics().version == 2 && shown_now(live, "a") == "one" ? 0 : 3;
  });
  ASSERT_TRUE(begun.take());
  disk.change("a", bytes_of("two"));
  EXPECT_EQ(child.status(), 0);
}

TEST(hot_reload_fork, the_child_may_exit_as_programs_do) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "SKIPPED: what the parent's threads point to counts as a leak of the child; the other "
                  "builds run this";
#endif
  const bundle_on_disk disk(20);
  followed_bundle live(following(disk));
  forked child([&]() -> int {
    graphite_hot_reload_shutdown(live.get());
    std::exit(7);
  });
  const auto status = child.status();
  ASSERT_TRUE(status) << "it hangs";
  EXPECT_TRUE(WIFEXITED(*status) && WEXITSTATUS(*status) == 7);
}

TEST(watchers_fork, a_child_has_none_to_wait_for_and_the_parent_hears_on) {
  const temporary_folder folder;
  std::atomic<int> heard{0};
  const auto listener = [&](const graphite_fs_event&) { heard.fetch_add(1); };
  const fs_watcher all(folder.path(), true, listener);
  debounce soon;
  soon.debounce_ms = 1;
  std::optional<debounced_watcher> quiet(std::in_place, folder.path(), true, soon, listener);
  std::atomic<bool> done{false};
  std::thread writer([&] {  // so that their threads are in the middle of something
    for (int i = 0; !done.load(); ++i) folder.write(std::to_string(i % 100), "x");
  });
  for (int i = 0; i < 200; ++i) {
    forked child([&] {
      quiet.reset();
      return 0;
    });
    if (child.status() != 0) {
      ADD_FAILURE() << "the child hangs: " << i;
      break;
    }
  }
  done.store(true);
  writer.join();
  const int before = heard.load();
  folder.write("last", "");
  EXPECT_TRUE(wait_until([&] { return heard.load() > before + 2; })) << "the parent's go on";
}

// Whatever the context's thread held at that moment is held for ever in the child.
TEST(hot_reload_fork, at_any_moment_of_a_swap) {
  bundle_on_disk disk(60);
  disk.change("a", bytes_of("0"));
  followed_bundle live(following(disk));
  const asset_handle handle(live, "a");
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 1; !done.load(); ++i) {
      disk.change("a", bytes_of(std::to_string(i % 10)));
      (void)live.wait(static_cast<std::uint64_t>(i), long_ns);
    }
  });
  for (int i = 0; i < 50; ++i) {
    forked child([&] {
      const int wrong = refused_calls(live.get());
      graphite_hot_reload_shutdown(live.get());
      if (wrong != 0) return wrong;
      return shown_now(live, "a").size() == 1 && handle.read().bytes().size() == 1 ? 0 : 100;
    });
    EXPECT_EQ(child.status(), 0) << i;
  }
  done.store(true);
  writer.join();
  EXPECT_GT(live.statistics().swaps, 1u);
}

}  // namespace
}  // namespace graphite
