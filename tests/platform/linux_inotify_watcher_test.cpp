#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>

#include "platform/linux/beneath.hpp"
#include "platform/linux/network_file_system.hpp"
#include "tests/platform/watcher_harness.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

struct linux_inotify_watcher : testing::Test, watcher_harness {
  std::string at(std::string_view name) const { return folder / ("root/" + std::string(name)); }
  void write_in(std::string_view name) const { folder.write("root/" + std::string(name), "text"); }
  void make(std::string_view name) const { folder.make_folder("root/" + std::string(name)); }
};

TEST_F(linux_inotify_watcher, reports_what_happens_to_a_file) {
  start();
  write_in("a");
  EXPECT_THAT(take_text(), ElementsAre("+a", "~a", "=a"));
  write_in("a");
  EXPECT_THAT(take_text(), ElementsAre("~a", "=a"));
  fs::rename(at("a"), at("b"));
  EXPECT_THAT(take_text(), ElementsAre("b<a"));
  fs::create_hard_link(at("b"), at("c"));
  fs::remove(at("b"));
  EXPECT_THAT(take_text(), ElementsAre("+c", "-b"));
}

TEST_F(linux_inotify_watcher, tells_writing_from_changed_attributes) {
  write_in("a");
  start();
  const auto kinds = [this] {
    std::vector<fs_event_kind> out;
    for (const auto& e : take()) out.push_back(e.kind);
    return out;
  };
  ASSERT_EQ(::chmod(at("a").c_str(), 0600), 0);
  EXPECT_THAT(kinds(), ElementsAre(fs_event_kind::modified));
  ASSERT_EQ(::truncate(at("a").c_str(), 1), 0);
  EXPECT_THAT(kinds(), ElementsAre(fs_event_kind::writing)) << "which nobody closes";
  write_in("a");
  EXPECT_THAT(kinds(), testing::AllOf(Contains(fs_event_kind::writing), Contains(fs_event_kind::closed),
                                      Not(Contains(fs_event_kind::modified))));
}

TEST_F(linux_inotify_watcher, without_a_cookie_folder_nothing_is_written_anywhere) {
  make("x");
  options.cookie_folder.clear();
  start();
  EXPECT_EQ(watcher->write_cookie().error().code, errc::unsupported);
  write_in("x/f");
  EXPECT_TRUE(wait_for([](const auto& all) { return !all.empty() && to_text(all.back()) == "=x/f"; }));
  watcher->stop();
  const auto names = [](const std::string& where) {
    return std::distance(fs::directory_iterator(where), fs::directory_iterator());
  };
  EXPECT_EQ(names(folder.path()), 1) << "the root";
  EXPECT_EQ(names(at("")), 1) << "its x";
}

TEST_F(linux_inotify_watcher, existing_folders_are_watched_when_start_returns) {
  make("x/y/z");
  start();
  EXPECT_EQ(watcher->status().mode, watch_mode::events);
  EXPECT_EQ(watcher->status().folders, 4u);
  write_in("x/y/z/f");
  EXPECT_THAT(take_text(), ElementsAre("+x/y/z/f", "~x/y/z/f", "=x/y/z/f"));
}

TEST_F(linux_inotify_watcher, not_recursive_means_files_of_the_root_only) {
  make("x");
  options.recursive = false;
  start();
  write_in("x/f");
  make("y");
  write_in("y/f");
  write_in("g");
  fs::remove_all(at("x"));
  EXPECT_THAT(take_text(), ElementsAre("+g", "~g", "=g"));
}

TEST_F(linux_inotify_watcher, a_folder_filled_before_its_watch_exists_is_reported_in_full) {
  start();
  watcher->pause_reading();
  for (int i = 0; i < 3; ++i) {
    make(fmt::format("n{}/deep/er", i));
    write_in(fmt::format("n{}/one", i));
    write_in(fmt::format("n{}/deep/er/two", i));
  }
  watcher->resume_reading();
  const auto texts = take_text();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(texts, Contains(fmt::format("+n{}/one", i)));
    EXPECT_THAT(texts, Contains(fmt::format("+n{}/deep/er/two", i)));
  }
  write_in("n1/deep/er/three");
  EXPECT_THAT(take_text(), ElementsAre("+n1/deep/er/three", "~n1/deep/er/three", "=n1/deep/er/three"));
}

TEST_F(linux_inotify_watcher, a_folder_moved_in_is_reported_and_watched) {
  folder.make_folder("elsewhere/sub");
  folder.write("elsewhere/sub/f", "");
  start();
  fs::rename(folder / "elsewhere", at("in"));
  EXPECT_THAT(take_text(), ElementsAre("+in/sub/f"));
  write_in("in/sub/f");
  EXPECT_THAT(take_text(), ElementsAre("~in/sub/f", "=in/sub/f"));
}

TEST_F(linux_inotify_watcher, a_folder_moved_out_is_reported_and_no_longer_watched) {
  make("x/sub");
  write_in("x/sub/f");
  start();
  fs::rename(at("x"), folder / "out");
  EXPECT_THAT(take_text(), ElementsAre("x/"));
  folder.write("out/sub/f", "changed outside");
  EXPECT_THAT(take_text(), IsEmpty());
}

TEST_F(linux_inotify_watcher, a_renamed_folder_takes_its_files_with_it) {
  make("x/sub");
  write_in("x/sub/f");
  write_in("x/g");
  start();
  fs::rename(at("x"), at("y"));
  EXPECT_THAT(take_text(), UnorderedElementsAre("y/g<x/g", "y/sub/f<x/sub/f", "x/"));
  write_in("y/sub/f");
  EXPECT_THAT(take_text(), ElementsAre("~y/sub/f", "=y/sub/f"));
}

TEST_F(linux_inotify_watcher, names_that_were_used_again_before_the_events_were_read) {
  start();
  watcher->pause_reading();
  make("a");
  write_in("a/old");
  fs::rename(at("a"), at("b"));
  make("a");
  write_in("a/new");
  watcher->resume_reading();
  const auto texts = take_text();
  EXPECT_THAT(texts, Contains(testing::AnyOf("b/old<a/old", "+b/old")));
  EXPECT_THAT(texts, Contains("+a/new"));
  write_in("a/x");
  write_in("b/y");
  EXPECT_THAT(take_text(), ElementsAre("+a/x", "~a/x", "=a/x", "+b/y", "~b/y", "=b/y"));
}

TEST_F(linux_inotify_watcher, a_child_that_takes_its_parents_name) {
  make("a/b");
  write_in("a/b/f");
  start();
  watcher->pause_reading();
  fs::rename(at("a/b"), at("t"));
  fs::remove_all(at("a"));
  fs::rename(at("t"), at("a"));
  watcher->resume_reading();
  EXPECT_THAT(take_text(), Contains(testing::AnyOf("a/f<t/f", "+a/f", "a/f<a/b/f")));
  write_in("a/f");
  EXPECT_THAT(take_text(), ElementsAre("~a/f", "=a/f"));
}

TEST_F(linux_inotify_watcher, a_file_that_left_for_a_lost_folder_is_told_before_its_name_comes_back) {
  make("p/d");
  write_in("f");
  start();
  watcher->pause_reading();
  fs::rename(at("p"), at("q"));
  fs::rename(at("q"), at("p"));  // looks at all below it, as it is at the end
  fs::rename(at("f"), at("p/d/f"));
  write_in("f");
  fs::remove_all(at("p/d"));
  watcher->resume_reading();
  const auto texts = take_text();
  EXPECT_THAT(texts, Contains("-f"));
  const auto last =
      std::find_if(texts.rbegin(), texts.rend(), [](const auto& one) { return one.substr(1) == "f"; });
  ASSERT_NE(last, texts.rend());
  EXPECT_EQ(*last, "=f") << testing::PrintToString(texts);
}

TEST_F(linux_inotify_watcher, pruned_folders_are_silent_but_for_lone_files) {
  make(".git/objects");
  make("cache");
  options.prune = [](std::string_view path) { return path.starts_with(".git") || path.starts_with("cache"); };
  start();
  EXPECT_EQ(watcher->status().folders, 2u);
  take();
  write_in("cache/f");
  write_in(".git/objects/f");
  write_in(".git/HEAD");
  write_in(".git/index.lock");
  fs::rename(at(".git/index.lock"), at(".git/index"));
  EXPECT_THAT(take_text(), ElementsAre("+.git/index.lock", "=.git/index.lock", "-.git/index.lock"));
}

TEST_F(linux_inotify_watcher, a_lone_file_that_is_written_in_place_is_reported) {
  write_in("tools/conv.sh");
  options.prune = [](std::string_view path) { return path == "tools"; };
  options.lone_files.push_back("tools/conv.sh");
  start();
  take();
  write_in("tools/conv.sh");
  write_in("tools/other");
  EXPECT_THAT(take_text(), ElementsAre("=tools/conv.sh"));
}

TEST_F(linux_inotify_watcher, a_lock_that_is_there_at_the_start_is_reported) {
  make(".git");
  write_in(".git/index.lock");
  options.prune = [](std::string_view path) { return path == ".git"; };
  start();
  EXPECT_THAT(take_text(), ElementsAre("+.git/index.lock"));
}

TEST_F(linux_inotify_watcher, refresh_follows_the_prune_predicate) {
  make("cache/sub");
  std::atomic<bool> pruning{true};
  options.prune = [&](std::string_view path) { return pruning && path.starts_with("cache"); };
  start();
  pruning = false;
  watcher->refresh("cache");
  ASSERT_TRUE(wait_for([](const auto& all) { return !all.empty(); }));
  EXPECT_THAT(take_text(), ElementsAre("cache/"));
  write_in("cache/sub/f");
  EXPECT_THAT(take_text(), Contains("=cache/sub/f"));
  pruning = true;
  watcher->refresh("");
  ASSERT_TRUE(wait_for([](const auto& all) { return !all.empty(); }));
  take();
  write_in("cache/sub/f");
  EXPECT_THAT(take_text(), IsEmpty());
}

TEST_F(linux_inotify_watcher, overflow_is_one_event_and_watches_are_whole_afterwards) {
  start();
  watcher->pause_reading();
  for (int i = 0; i < 6'000; ++i) write_in(fmt::format("f{}", i));  // three events each
  make("new/folder");
  write_in("new/folder/f");
  watcher->resume_reading();
  const auto texts = take_text();
  EXPECT_EQ(std::count(texts.begin(), texts.end(), "!"), 1);
  write_in("new/folder/f");
  EXPECT_THAT(take_text(), ElementsAre("~new/folder/f", "=new/folder/f"));
}

TEST_F(linux_inotify_watcher, a_cookie_that_was_lost_in_an_overflow_still_comes) {
  start();
  watcher->pause_reading();
  for (int i = 0; i < 6'000; ++i) write_in(fmt::format("f{}", i));
  const auto cookie = watcher->write_cookie().value();
  watcher->resume_reading();
  EXPECT_TRUE(wait_for([&](const auto& all) {
    const auto is_overflow = [](const fs_event& e) { return e.kind == fs_event_kind::overflow; };
    const auto overflow = std::find_if(all.begin(), all.end(), is_overflow);
    return std::any_of(overflow, all.end(), [&](const fs_event& e) { return e.path == cookie; });
  }));
}

TEST_F(linux_inotify_watcher, a_recreated_root_is_found_again) {
  make("x");
  start();
  fs::remove_all(at(""));
  make("y");
  write_in("y/f");
  const auto overflowed = [](const auto& all) {
    return std::any_of(all.begin(), all.end(),
                       [](const fs_event& e) { return e.kind == fs_event_kind::overflow; });
  };
  ASSERT_TRUE(wait_for(overflowed));
  take();
  write_in("y/f");
  EXPECT_THAT(take_text(), ElementsAre("~y/f", "=y/f"));
}

TEST_F(linux_inotify_watcher, a_root_that_moved_away_is_waited_for) {
  make("x");
  start();
  fs::rename(folder / "root", folder / "away");
  folder.write("away/x/f", "");
  std::string reason;
  for (int i = 0; i < 1000 && reason.empty(); ++i) {
    take();
    reason = watcher->status().reason;
  }
  EXPECT_THAT(reason, HasSubstr("is gone"));
  {
    const std::lock_guard lock(mutex);
    reported.clear();
  }
  fs::rename(folder / "away", folder / "root");
  ASSERT_TRUE(
      wait_for([](const auto& all) { return !all.empty() && all[0].kind == fs_event_kind::overflow; }));
  take();
  EXPECT_EQ(watcher->status().reason, "");
  write_in("x/f");
  EXPECT_THAT(take_text(), Contains("=x/f"));
}

TEST_F(linux_inotify_watcher, a_removed_cookie_folder_is_made_again) {
  start();
  fs::remove_all(folder / "state");
  write_in("a");
  EXPECT_THAT(take_text(), ElementsAre("+a", "~a", "=a"));
  EXPECT_TRUE(fs::is_empty(folder / "state/cookies")) << "cookies are not left behind";
}

TEST_F(linux_inotify_watcher, starts_again_after_stop_and_says_what_is_wrong) {
  start();
  EXPECT_EQ(watcher->start([](auto) {}).error().code, errc::already_exists);
  watcher->stop();
  watcher->stop();
  write_in("unseen");
  start();
  write_in("seen");
  EXPECT_THAT(take_text(), ElementsAre("+seen", "~seen", "=seen"));
  options.root = folder / "none";
  EXPECT_EQ(inotify_watcher(options).start([](auto) {}).error().code, errc::not_found);
}

TEST_F(linux_inotify_watcher, names_that_are_not_text_and_special_files_pass_through) {
  start();
  write_in("bad\xff");
  EXPECT_THAT(take_text(), ElementsAre("+bad\xff", "~bad\xff", "=bad\xff"));
  ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
  folder.link("nowhere", "root/link");
  EXPECT_THAT(take_text(), ElementsAre("+fifo", "+link"));
}

// ---- polling

struct linux_polling_watcher : linux_inotify_watcher {
  linux_polling_watcher() {
    options.poll = milliseconds(5);
    options.force_polling = true;
  }
};

TEST_F(linux_polling_watcher, finds_the_same_changes) {
  make("x");
  write_in("x/f");
  write_in("g");
  start();
  EXPECT_EQ(watcher->status().mode, watch_mode::polling);
  EXPECT_THAT(watcher->status().reason, HasSubstr("asked for"));
  take();  // files this young are looked at once more
  folder.write("root/x/f", "longer than it was");
  fs::remove(at("g"));
  make("new");
  write_in("new/h");
  const auto texts = take_text();
  EXPECT_THAT(texts, Contains("~x/f"));
  EXPECT_THAT(texts, Contains("-g"));
  EXPECT_THAT(texts, Contains("+new/h"));
}

TEST_F(linux_polling_watcher, sees_lone_files_and_survives_a_lost_root) {
  make(".git");
  options.prune = [](std::string_view path) { return path == ".git"; };
  start();
  write_in(".git/index.lock");
  EXPECT_THAT(take_text(), ElementsAre("+.git/index.lock"));
  fs::rename(folder / "root", folder / "away");
  const auto texts = take_text();
  EXPECT_THAT(texts, IsEmpty());
  EXPECT_THAT(watcher->status().reason, HasSubstr("now: "));
  fs::rename(folder / "away", folder / "root");
  write_in("f");
  EXPECT_THAT(take_text(), Contains("+f"));
}

TEST_F(linux_inotify_watcher, too_few_watches_at_the_start_mean_polling) {
  make("x/y/z");
  options.watches_max = 3;
  options.poll = milliseconds(5);
  start();
  EXPECT_EQ(watcher->status().mode, watch_mode::polling);
  EXPECT_THAT(watcher->status().reason, HasSubstr("max_user_watches is 3"));
  write_in("x/y/z/f");
  EXPECT_THAT(take_text(), Contains("+x/y/z/f"));
}

TEST_F(linux_inotify_watcher, watches_that_run_out_later_mean_a_rescan_and_polling) {
  options.watches_max = 3;
  options.poll = milliseconds(5);
  start();
  EXPECT_EQ(watcher->status().mode, watch_mode::events);
  for (int i = 0; i < 5; ++i) make(fmt::format("d{}", i));
  write_in("d4/f");
  EXPECT_THAT(take_text(), Contains("!"));
  EXPECT_EQ(watcher->status().mode, watch_mode::polling);
  write_in("d4/g");
  EXPECT_THAT(take_text(), Contains("+d4/g"));
}

// ---- network file systems below the root

struct linux_mounted_watcher : linux_inotify_watcher {
  linux_mounted_watcher() {
    options.poll = milliseconds(5);
    options.type_of = [](int opened) {
      return path_of(opened).find("/net") == std::string::npos ? EXT4_SUPER_MAGIC : NFS_SUPER_MAGIC;
    };
    folder.write("root/local/a", "");
    folder.write("root/shared/net/deep/b", "");
  }
  /// What is below the mount may come twice: by its look and by the polling.
  void expect_reported(const std::string& text) {
    EXPECT_TRUE(wait_for([&](const auto& all) {
      return std::any_of(all.begin(), all.end(), [&](const fs_event& e) { return to_text(e) == text; });
    })) << text;
  }
};

TEST_F(linux_mounted_watcher, a_network_file_system_below_the_root_is_polled_and_the_rest_is_not) {
  start();
  EXPECT_EQ(watcher->status().mode, watch_mode::events);
  EXPECT_THAT(watcher->status().reason, testing::HasSubstr("'shared/net' is on NFS"));
  EXPECT_EQ(watcher->status().folders, 3u);  // the root, local, shared
  take();                                    // it is remembered by now
  folder.write("root/shared/net/deep/b", "other");
  folder.write("root/shared/net/c", "");
  folder.write("root/local/a", "other");
  const auto text = take_text();  // its cookie comes after a look at what is polled
  EXPECT_THAT(text, testing::Contains("~shared/net/deep/b"));
  EXPECT_THAT(text, testing::Contains("+shared/net/c"));
  EXPECT_THAT(text, testing::Contains("=local/a"));
}

TEST_F(linux_mounted_watcher, a_root_on_a_network_file_system_is_polled_and_status_says_so) {
  options.type_of = [](int) -> long { return NFS_SUPER_MAGIC; };
  start();
  EXPECT_EQ(watcher->status().mode, watch_mode::polling);
  EXPECT_THAT(watcher->status().reason, testing::HasSubstr("is on NFS"));
  take();
  folder.write("root/local/c", "");
  EXPECT_THAT(take_text(), testing::Contains("+local/c"));
}

TEST_F(linux_mounted_watcher, one_that_appears_later_is_looked_at_whole_and_then_polled) {
  start();
  take();
  folder.write("root/late/net/a", "");
  expect_reported("late/net/");
  folder.write("root/late/net/b", "");
  expect_reported("+late/net/b");
  std::filesystem::remove_all(folder / "root/late");
  take();
  EXPECT_THAT(watcher->status().reason, testing::HasSubstr("'shared/net' is on NFS"));
}

TEST(linux_network_file_system, is_known_by_its_type) {
  EXPECT_EQ(network_file_system(NFS_SUPER_MAGIC), "NFS");
  EXPECT_EQ(network_file_system(static_cast<int>(0xff534d42)), "CIFS") << "also where the value is negative";
  EXPECT_EQ(network_file_system(V9FS_MAGIC), "9p");
  EXPECT_EQ(network_file_system(EXT4_SUPER_MAGIC), "");
  EXPECT_EQ(network_file_system(TMPFS_MAGIC), "");
}

}  // namespace
}  // namespace graphite
