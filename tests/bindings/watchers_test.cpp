#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "bindings/c/graphite.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using texts = std::vector<std::string>;

std::string shown(const graphite_fs_event& e) {
  const std::string path = e.path;
  switch (e.type) {
    case GRAPHITE_FS_CREATED:
      return "+" + path;
    case GRAPHITE_FS_MODIFIED:
      return "~" + path;
    case GRAPHITE_FS_DELETED:
      return "-" + path;
    case GRAPHITE_FS_MOVED:
      return path + "<" + (e.old_path == nullptr ? "nowhere" : e.old_path);
    case GRAPHITE_FS_FOLDER:
      return path + "/";
    case GRAPHITE_FS_OVERFLOW:
      return path + "!";
  }
  return "?";
}

/// All that a watcher told.
class ear {
 public:
  static void hear(const graphite_fs_event* event, void* user_data) {
    static_cast<ear*>(user_data)->hear(*event);
  }
  void hear(const graphite_fs_event& event) {
    EXPECT_EQ(inside_.fetch_add(1), 0) << "one at a time";
    EXPECT_TRUE(test::wait_until([&] { return !held_.load(); }, std::chrono::seconds(300)));
    {
      const std::lock_guard lock(mutex_);
      heard_.push_back(shown(event));
      times_.push_back(event.timestamp);
      threads_.insert(std::this_thread::get_id());
    }
    changed_.notify_all();
    inside_.fetch_sub(1);
  }

  /// Waits until `text` is told; what was told up to it, which is then forgotten.
  texts until(const std::string& text) {
    std::unique_lock lock(mutex_);
    auto at = heard_.end();
    const bool came = changed_.wait_for(lock, std::chrono::seconds(60), [&] {
      return (at = std::find(heard_.begin(), heard_.end(), text)) != heard_.end();
    });
    EXPECT_TRUE(came) << text << " was not told, but " << testing::PrintToString(heard_);
    if (!came) return {};
    texts out(heard_.begin(), at + 1);
    heard_.erase(heard_.begin(), at + 1);
    return out;
  }
  bool heard_of(std::string_view part) {
    const std::lock_guard lock(mutex_);
    return std::any_of(heard_.begin(), heard_.end(),
                       [&](const auto& text) { return text.find(part) != text.npos; });
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return heard_.size();
  }
  std::set<std::thread::id> threads() {
    const std::lock_guard lock(mutex_);
    return threads_;
  }
  std::vector<uint64_t> times() {
    const std::lock_guard lock(mutex_);
    return times_;
  }
  /// Keeps the next callback from returning until let_go().
  void hold() { held_.store(true); }
  void let_go() { held_.store(false); }
  bool is_inside() const { return inside_.load() != 0; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  texts heard_;
  std::vector<uint64_t> times_;
  std::set<std::thread::id> threads_;
  std::atomic<int> inside_{0};
  std::atomic<bool> held_{false};
};

struct c_watchers : testing::Test {
  void watch(bool recursive = true) {
    plain = graphite_fs_watcher_create(folder.path().c_str(), recursive, &ear::hear, &heard);
    ASSERT_NE(plain, nullptr) << graphite_last_error();
  }
  void watch_debounced(std::uint32_t quiet_ms, bool coalesce = true, std::vector<const char*> ignored = {}) {
    ignored.push_back(nullptr);
    const graphite_debounce_config config{quiet_ms, 0, coalesce, ignored.data()};
    debounced = graphite_debounced_watcher_create(folder.path().c_str(), true, &config, &ear::hear, &heard);
    ASSERT_NE(debounced, nullptr) << graphite_last_error();
  }
  void move(std::string_view from, std::string_view to) const { fs::rename(folder / from, folder / to); }
  void make_files(int count, const std::string& prefix) const {
    for (int i = 0; i < count; ++i)
      ::close(::open((folder / (prefix + std::to_string(i))).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  }
  /// So much happens that it can wait neither with the watcher nor on its way to it.
  void overflow_while_held() {
    int queue = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> queue;
    if (queue > 200'000) GTEST_SKIP() << "the system's queue is too large to be filled here";
    heard.hold();
    folder.write("first", "");
    ASSERT_TRUE(test::wait_until([&] { return heard.is_inside(); }));
    constexpr int held_max = 65'536, in_one_read = 2 * 8'192;
    make_files(held_max + queue + in_one_read, "f");
    heard.let_go();
    const auto told = heard.until("!");  // at once, unless the system's queue was full before the watcher's
    ASSERT_THAT(told, Not(testing::IsEmpty()));
    EXPECT_EQ(told.front(), "+first");
    EXPECT_LE(told.size(), held_max + 2u);
    int i = 0;  // the system's own queue may overflow once more
    EXPECT_TRUE(test::wait_until([&] {
      folder.write("again" + std::to_string(i++), "");
      return heard.heard_of("again");
    })) << "what comes afterwards is told";
  }
  void end() {
    graphite_fs_watcher_destroy(std::exchange(plain, nullptr));
    graphite_debounced_watcher_destroy(std::exchange(debounced, nullptr));
  }
  ~c_watchers() override {
    heard.let_go();
    end();
  }

  test::temporary_folder folder{test::temporary_folder::quick_base()};
  ear heard;
  graphite_fs_watcher* plain = nullptr;
  graphite_debounced_watcher* debounced = nullptr;
};

TEST_F(c_watchers, tell_what_happens_to_a_file) {
  watch();
  folder.write("a", "text");
  EXPECT_THAT(heard.until("~a"), ElementsAre("+a", "~a"));
  move("a", "b");
  EXPECT_THAT(heard.until("b<a"), ElementsAre("b<a"));
  ASSERT_EQ(::chmod((folder / "b").c_str(), 0600), 0);
  EXPECT_THAT(heard.until("~b"), ElementsAre("~b"));
  fs::remove(folder / "b");
  EXPECT_THAT(heard.until("-b"), ElementsAre("-b"));
}

TEST_F(c_watchers, a_file_is_not_told_as_modified_before_it_is_closed) {
  watch();
  const int open = ::open((folder / "a").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(::write(open, "text", 4), 4);
  folder.write("b", "");
  EXPECT_THAT(heard.until("~b"), ElementsAre("+a", "+b", "~b"));
  ::close(open);
  EXPECT_THAT(heard.until("~a"), ElementsAre("~a"));
}

TEST_F(c_watchers, a_file_that_came_from_outside_has_no_old_path) {
  folder.make_folder("in");
  folder.write("file", "");
  plain = graphite_fs_watcher_create((folder / "in").c_str(), true, &ear::hear, &heard);
  ASSERT_NE(plain, nullptr);
  move("file", "in/file");
  EXPECT_THAT(heard.until("file<nowhere"), ElementsAre("file<nowhere"));
  move("in/file", "file");
  EXPECT_THAT(heard.until("-file"), ElementsAre("-file"));
}

TEST_F(c_watchers, folders_below_are_watched_old_and_new) {
  folder.make_folder("old/deep");
  watch();
  folder.write("old/deep/a", "");
  EXPECT_THAT(heard.until("~old/deep/a"), ElementsAre("+old/deep/a", "~old/deep/a"));
  folder.write("new/deep/b", "");
  EXPECT_THAT(heard.until("+new/deep/b"), ElementsAre("+new/deep/b"));
  move("old", "new/old");
  EXPECT_THAT(heard.until("old/"), Contains("new/old/deep/a<old/deep/a"));
}

TEST_F(c_watchers, not_recursive_means_the_files_of_the_folder_only) {
  folder.make_folder("sub");
  watch(false);
  folder.write("sub/a", "");
  folder.write("other/b", "");
  folder.write("c", "");
  EXPECT_THAT(heard.until("~c"), ElementsAre("+c", "~c"));
}

TEST_F(c_watchers, the_callback_has_a_thread_of_its_own) {
  watch();
  make_files(100, "f");
  heard.until("~f99");
  EXPECT_EQ(heard.threads().size(), 1u);
  EXPECT_FALSE(heard.threads().contains(std::this_thread::get_id()));
}

TEST_F(c_watchers, the_time_of_an_event_is_monotonic) {
  const auto now = [] {
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                                 std::chrono::nanoseconds(1));
  };
  const auto before = now();
  watch();
  make_files(10, "f");
  heard.until("~f9");
  const auto times = heard.times();
  EXPECT_GE(times.front(), before);
  EXPECT_LE(times.back(), now());
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
}

TEST_F(c_watchers, leave_nothing_behind) {
  folder.make_folder("root");
  plain = graphite_fs_watcher_create((folder / "root").c_str(), true, &ear::hear, &heard);
  ASSERT_NE(plain, nullptr);
  folder.write("root/a", "");
  heard.until("~a");
  end();
  std::set<std::string> left;
  for (const auto& one : fs::recursive_directory_iterator(folder.path())) left.insert(one.path().filename());
  EXPECT_THAT(left, ElementsAre("a", "root"));
}

TEST_F(c_watchers, say_why_there_is_none) {
  const auto refused = [&](const char* path) {
    EXPECT_EQ(graphite_fs_watcher_create(path, true, &ear::hear, &heard), nullptr);
    return graphite_last_result();
  };
  const auto none = folder / "none";
  folder.write("file", "");
  EXPECT_EQ(refused(none.c_str()), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_NE(std::string(graphite_last_error()).find(none), std::string::npos);
  EXPECT_EQ(refused((folder / "file").c_str()), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(refused((folder / "file/below").c_str()), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_EQ(refused(nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
  refused(none.c_str());
  EXPECT_EQ(graphite_fs_watcher_create(folder.path().c_str(), true, nullptr, nullptr), nullptr);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_INVALID_ARGUMENT);
  graphite_debounce_config config{};
  EXPECT_EQ(graphite_debounced_watcher_create(none.c_str(), true, &config, &ear::hear, &heard), nullptr);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_NOT_FOUND);
  EXPECT_EQ(graphite_debounced_watcher_create(folder.path().c_str(), true, nullptr, &ear::hear, &heard),
            nullptr);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_INVALID_ARGUMENT);
  const auto longer = std::string(2'000, 'x');
  const char* patterns[] = {"*.tmp", longer.c_str(), nullptr};
  config.ignore_patterns = patterns;
  EXPECT_EQ(graphite_debounced_watcher_create(folder.path().c_str(), true, &config, &ear::hear, &heard),
            nullptr);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_INVALID_ARGUMENT);
  graphite_fs_watcher_destroy(nullptr);
  graphite_debounced_watcher_destroy(nullptr);
  if (::geteuid() != 0) {
    ASSERT_EQ(::chmod(folder.path().c_str(), 0), 0);
    EXPECT_EQ(refused(folder.path().c_str()), GRAPHITE_ERROR_PERMISSION_DENIED);
    ASSERT_EQ(::chmod(folder.path().c_str(), 0700), 0);
  }
}

TEST_F(c_watchers, a_relative_path_stays_the_folder_it_was) {
  const auto before = fs::current_path();
  folder.make_folder("sub");
  fs::current_path(folder.path());
  plain = graphite_fs_watcher_create("sub", true, &ear::hear, &heard);
  fs::current_path(before);
  ASSERT_NE(plain, nullptr);
  folder.write("sub/a", "");
  EXPECT_THAT(heard.until("~a"), ElementsAre("+a", "~a"));
}

TEST_F(c_watchers, destroying_waits_for_the_callback_and_none_comes_afterwards) {
  watch();
  heard.hold();
  make_files(100, "f");
  ASSERT_TRUE(test::wait_until([&] { return heard.is_inside(); }));
  std::atomic<bool> ended{false};
  std::thread ender([&] {
    end();
    ended.store(true);
  });
  EXPECT_FALSE(test::wait_until([&] { return ended.load(); }, std::chrono::seconds(1)));
  heard.let_go();
  ender.join();
  const auto count = heard.count();
  EXPECT_LE(count, 200u);
  make_files(100, "g");
  EXPECT_EQ(heard.count(), count);
}

TEST_F(c_watchers, are_destroyed_while_events_pour_in) {
  folder.make_folder("sub");
  std::atomic<bool> done{false};
  std::thread source([&] {
    for (int i = 0; !done.load(); ++i) {
      const auto name = folder / ("sub/" + std::to_string(i % 50));
      ::close(::open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
      ::rename(name.c_str(), (folder / std::to_string(i % 30)).c_str());
    }
  });
  for (int i = 0; i < 60; ++i) {
    if (i % 2 == 0)
      watch();
    else
      watch_debounced(i % 3 == 0 ? 0 : 1, i % 4 == 1);
    EXPECT_TRUE(
        test::wait_until([&, before = heard.count()] { return i % 5 == 0 || heard.count() > before + 3; }));
    end();
    const auto count = heard.count();
    ASSERT_EQ(heard.count(), count);
  }
  done.store(true);
  source.join();
}

TEST_F(c_watchers, too_much_for_a_slow_callback_is_one_overflow) {
  watch();
  overflow_while_held();
}

// ---- debounced

TEST_F(c_watchers, debounced_paths_are_told_once_with_what_their_events_come_to) {
  folder.write("edited", "before");
  folder.write("replaced", "before");
  folder.write("gone", "");
  folder.write("old", "");
  watch_debounced(1'500);  // so long that a machine that is busy with others does not split what follows
  for (int i = 0; i < 20; ++i) folder.write("edited", std::to_string(i));
  folder.write("made", "");
  folder.write("passing", "");
  fs::remove(folder / "passing");
  fs::remove(folder / "replaced");
  folder.write("replaced", "after");
  fs::remove(folder / "gone");
  move("old", "new");
  folder.write("scratch", "");
  move("scratch", "saved");
  folder.write("last", "");
  EXPECT_THAT(heard.until("+last"),
              ElementsAre("~edited", "+made", "~replaced", "-gone", "new<old", "saved<nowhere", "+last"));
}

TEST_F(c_watchers, debounced_without_coalescing_tell_each_event) {
  folder.write("a", "");
  watch_debounced(50, false);
  folder.write("b", "text");
  move("b", "c");
  fs::remove(folder / "c");
  EXPECT_THAT(heard.until("-c"), ElementsAre("+b", "~b", "c<b", "-c"));
}

TEST_F(c_watchers, a_move_of_a_known_file_is_told_with_its_old_path) {
  folder.write("sub/a", "");
  folder.make_folder("other");
  watch_debounced(20);
  move("sub/a", "other/b");
  EXPECT_THAT(heard.until("other/b<sub/a"), ElementsAre("other/b<sub/a"));
}

TEST_F(c_watchers, ignored_paths_are_not_told) {
  folder.make_folder("build/deep");
  folder.make_folder("src");
  {
    std::string pattern = "*.tmp";
    watch_debounced(20, true, {pattern.c_str(), "/build/", "!kept.tmp", "# a comment", ""});
    pattern = "*.txt";  // the configuration was copied
  }
  folder.write("src/a.tmp", "");
  folder.write("build/deep/b", "");
  folder.write("build/c", "");
  folder.write("kept.tmp", "");
  EXPECT_THAT(heard.until("+kept.tmp"), ElementsAre("+kept.tmp"));
  move("src/a.tmp", "src/a.txt");
  EXPECT_THAT(heard.until("src/a.txt<nowhere"), ElementsAre("src/a.txt<nowhere"));
  move("src/a.txt", "src/b.tmp");
  EXPECT_THAT(heard.until("-src/a.txt"), ElementsAre("-src/a.txt"));
  folder.write("src/build/d", "");
  EXPECT_THAT(heard.until("+src/build/d"), ElementsAre("+src/build/d")) << "only the one at the top";
}

TEST_F(c_watchers, a_path_that_is_never_quiet_is_told_after_max_delay) {
  const graphite_debounce_config config{3'600'000, 50, true, nullptr};
  debounced = graphite_debounced_watcher_create(folder.path().c_str(), true, &config, &ear::hear, &heard);
  ASSERT_NE(debounced, nullptr);
  folder.write("a", "");
  EXPECT_THAT(heard.until("+a"), ElementsAre("+a")) << "an hour of quiet is not waited for";
}

TEST_F(c_watchers, what_is_held_back_is_dropped_at_the_end) {
  watch_debounced(3'600'000);
  make_files(100, "f");
  end();
  EXPECT_EQ(heard.count(), 0u);
}

TEST_F(c_watchers, more_paths_than_are_held_are_one_overflow) {
  watch_debounced(50);
  overflow_while_held();
}

TEST_F(c_watchers, the_cpp_owners_call_functions_and_move) {
  fs_watcher all(folder.path(), true, [&](const graphite_fs_event& event) { heard.hear(event); });
  folder.write("a", "");
  heard.until("~a");
  ear other;
  auto moved = std::move(all);
  moved = fs_watcher(folder.path(), true, [&](const graphite_fs_event& event) { other.hear(event); });
  folder.write("b", "");
  EXPECT_THAT(other.until("~b"), ElementsAre("+b", "~b"));
  EXPECT_EQ(heard.count(), 0u);
  debounce how;
  how.debounce_ms = 10;
  how.ignore_patterns = {"*.tmp"};
  ear third;
  const debounced_watcher held(folder.path(), true, how,
                               [&](const graphite_fs_event& event) { third.hear(event); });
  folder.write("c.tmp", "");
  folder.write("d", "");
  EXPECT_THAT(third.until("+d"), ElementsAre("+d"));
  EXPECT_THROW(fs_watcher(folder / "none", true, {}), failure);
}

}  // namespace
}  // namespace graphite
