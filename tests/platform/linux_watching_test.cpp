#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <set>

#include "coordinator/revision.hpp"
#include "core/path_text.hpp"
#include "platform/linux/folder_scan.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/linux/tree_scan.hpp"
#include "tests/platform/watcher_harness.hpp"

/// \file The watcher together with those who listen to it.

namespace graphite {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// ---- editors: real events, real lease answers, virtual waiting

struct editor_saves : testing::Test, watcher_harness {
  editor_saves() {
    folder.write("root/a.png", "first");
    folder.write("root/other.png", "");
    revision_options made;
    // The machine may stop for a while between two steps of a save: that must not make two revisions.
    made.watch.debounce = seconds(30);
    made.watch.max_delay = seconds(300);
    made.newborn = seconds(30);
    made.role_of = [](std::string_view) { return path_role::source; };
    made.settle_of = [](std::string_view) { return milliseconds(0); };
    made.known = [this](std::string_view path) { return known.contains(std::string(path)); };
    builder.emplace(std::move(made));
    start();
    reader = posix_file_reader::open_root(options.root).value();
  }

  void run(std::vector<revision_step> steps, time_point now) {
    std::vector<std::string> asked;
    for (const auto& step : steps) {
      if (const auto* ask = std::get_if<revision_command::ask_open>(&step)) asked.push_back(ask->path);
      if (const auto* close = std::get_if<revision_command::close>(&step)) take_revision(*close);
    }
    for (const auto& path : asked)
      run(builder->open_answer(path, reader->open_for_writing(logical_path::parse(path).value()), now), now);
  }

  void take_revision(const revision_command::close& close) {
    revisions.emplace_back();
    for (const auto& c : close.changes) {
      revisions.back().push_back((c.kind == change_kind::removed ? "-" : "") + c.path);
      if (c.kind == change_kind::removed)
        known.erase(c.path);
      else
        known.insert(c.path);
    }
  }

  void expect_one_revision_a_save(const std::function<void(std::string text)>& save) {
    for (int round = 0; round < 3; ++round) {
      save(fmt::format("round {}", round));
      auto events = take();
      ASSERT_FALSE(events.empty());
      for (auto& e : events) e.when += late;
      for (const auto& e : events) run(builder->apply(std::span(&e, 1), e.when), e.when);
      for (int i = 1; i < 10; ++i)
        run(builder->wake(events.back().when + i * seconds(31)), events.back().when + i * seconds(31));
      late += seconds(1000);
      ASSERT_THAT(revisions, SizeIs(round + 1));
      EXPECT_THAT(revisions.back(), ElementsAre("a.png"));
    }
  }

  std::string at(std::string_view name) const { return folder / ("root/" + std::string(name)); }

  std::set<std::string> known{"a.png", "other.png"};
  std::optional<revision_builder> builder;
  std::unique_ptr<posix_file_reader> reader;
  std::vector<std::vector<std::string>> revisions;
  duration late{};
};

TEST_F(editor_saves, in_place) {
  expect_one_revision_a_save([&](const std::string& text) {
    std::fstream file(at("a.png"));
    file << text;
    file.flush();
    file << text;
  });
}

TEST_F(editor_saves, rename_over) {
  expect_one_revision_a_save([&](const std::string& text) {
    folder.write("root/a.png.tmp42", text);
    fs::rename(at("a.png.tmp42"), at("a.png"));
  });
}

TEST_F(editor_saves, backup_and_rename) {
  expect_one_revision_a_save([&](const std::string& text) {
    fs::rename(at("a.png"), at("a.png.bak"));
    folder.write("root/a.png", text);
    fs::remove(at("a.png.bak"));
  });
}

TEST_F(editor_saves, tmpfile_and_link) {
  expect_one_revision_a_save([&](const std::string& text) {
    const owned_fd file(::open(options.root.c_str(), O_TMPFILE | O_RDWR, 0644));
    ASSERT_TRUE(file) << "the temporary folder's file system lacks O_TMPFILE";
    ASSERT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    fs::remove(at("a.png"));
    const auto name = fmt::format("/proc/self/fd/{}", file.get());
    ASSERT_EQ(::linkat(AT_FDCWD, name.c_str(), AT_FDCWD, at("a.png").c_str(), AT_SYMLINK_FOLLOW), 0);
  });
}

TEST_F(editor_saves, truncate_and_write) {
  expect_one_revision_a_save([&](const std::string& text) { folder.write("root/a.png", text); });
}

TEST_F(editor_saves, delete_and_create) {
  expect_one_revision_a_save([&](const std::string& text) {
    fs::remove(at("a.png"));
    folder.write("root/a.png", text);
  });
}

// ---- whatever happens, what was learned is what is there

using file_digests = std::map<std::string, std::uint64_t>;

/// Of the bytes of a file; nothing where there is no regular file.
std::optional<std::uint64_t> digest_of(const std::string& path) {
  std::error_code failed;
  if (fs::symlink_status(path, failed).type() != fs::file_type::regular) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return id_of_path_text(text).value;
}

/// Learns the files of a tree from events alone, looking only where they point.
class learner {
 public:
  explicit learner(std::string root) : root_(std::move(root)) {}

  void apply(const std::vector<fs_event>& events) {
    const std::lock_guard lock(mutex_);
    for (const auto& e : events) {
      switch (e.kind) {
        case fs_event_kind::cookie:
          break;
        case fs_event_kind::overflow:
          ++overflows, rescan({});
          break;
        case fs_event_kind::folder:
          rescan(e.path);
          break;
        default:
          look(e.path);
          if (!e.old_path.empty()) look(e.old_path);
      }
    }
  }

  static file_digests scan(const std::string& root, const std::string& below = {}) {
    tree_scan_options options;
    options.root = root;
    options.below = below;
    options.threads = 1;
    file_digests out;
    const auto listing = scan_tree(options).value();
    for (const auto& folder : listing.folders)
      for (const auto& f : folder.files) {
        const auto path = join_path(folder.path, folder.name_of(f));
        if (const auto bytes = digest_of(root + "/" + path)) out[path] = *bytes;
      }
    return out;
  }

  /// Of the watcher's thread: after an overflow the cookie comes before the events that were left.
  file_digests files() const {
    const std::lock_guard lock(mutex_);
    return files_;
  }
  std::atomic<std::size_t> overflows{0};

 private:
  void look(const std::string& path) {
    if (const auto bytes = digest_of(root_ + "/" + path))
      files_[path] = *bytes;
    else
      files_.erase(path);
  }
  void rescan(const std::string& folder) {
    std::erase_if(files_, [&](const auto& item) { return is_at_or_below(item.first, folder); });
    files_.merge(scan(root_, folder));
  }

  std::string root_;
  file_digests files_;
  mutable std::mutex mutex_;
};

/// Random work on a tree: every kind of change, folders included.
class random_tree {
 public:
  random_tree(const test::temporary_folder& folder, std::uint64_t seed)
      : base_(folder / "root"), out_(folder / "out"), random_(seed) {
    fs::create_directories(out_);
    folders_.push_back({});
  }

  void step() {
    std::error_code ignored;
    const auto path = base_ + "/" + join_path(folder(), "f" + std::to_string(pick(20)));
    switch (pick(20)) {
      case 0:
      case 1:
        make_folder();
        break;
      case 2:
      case 13:
        remove_folder();
        break;
      case 3:
        rename_folder();
        break;
      case 4:
        move_out_and_in();
        break;
      case 5:
      case 6:
      case 7:
        fs::remove(path, ignored);
        break;
      case 8:
      case 9:
        fs::rename(path, base_ + "/" + join_path(folder(), "f" + std::to_string(pick(20))), ignored);
        break;
      case 10:
        // The old name goes: a write through another name of the same file is nothing inotify tells.
        fs::create_hard_link(path, base_ + "/" + join_path(folder(), "h" + std::to_string(pick(9))), ignored);
        fs::remove(path, ignored);
        break;
      case 11:
        fs::resize_file(path, pick(100), ignored);
        break;
      default:
        std::ofstream(path) << std::string(pick(50), static_cast<char>('a' + pick(26)));
    }
  }

  /// More events than the queue holds.
  void burst() {
    for (int i = 0; i < 7'000; ++i) {
      std::ofstream(base_ + "/burst");
      fs::remove(base_ + "/burst");
    }
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  const std::string& folder() { return folders_[pick(folders_.size())]; }

  static bool too_deep(const std::string& path) { return std::count(path.begin(), path.end(), '/') > 3; }

  void make_folder() {
    auto path = join_path(folder(), "d" + std::to_string(pick(6)));
    std::error_code failed;
    if (folders_.size() > 60 || too_deep(path) || !fs::create_directory(base_ + "/" + path, failed)) return;
    folders_.push_back(path);
  }
  void forget(const std::string& gone) {
    std::erase_if(folders_, [&](const std::string& f) { return !f.empty() && is_at_or_below(f, gone); });
  }
  void remove_folder() {
    const auto path = folder();
    if (path.empty() || folders_.size() < 30) return;
    fs::remove_all(base_ + "/" + path);
    forget(path);
  }
  void rename_folder() {
    const auto from = folder();
    const auto to = join_path(folder(), "r" + std::to_string(pick(6)));
    std::error_code failed;
    if (from.empty() || too_deep(to) || is_at_or_below(to, from)) return;
    fs::rename(base_ + "/" + from, base_ + "/" + to, failed);
    if (failed) return;
    forget(to);
    std::vector<std::string> moved;
    for (auto& f : folders_)
      if (!f.empty() && is_at_or_below(f, from)) moved.push_back(to + f.substr(from.size()));
    forget(from);
    folders_.insert(folders_.end(), moved.begin(), moved.end());
  }
  void move_out_and_in() {
    const auto path = folder();
    std::error_code failed;
    if (!path.empty()) fs::rename(base_ + "/" + path, out_ + "/x" + std::to_string(pick(4)), failed);
    if (!path.empty() && !failed) forget(path);
    const auto to = join_path(folder(), "in" + std::to_string(pick(4)));
    if (too_deep(to)) return;
    fs::rename(out_ + "/x" + std::to_string(pick(4)), base_ + "/" + to, failed);
    if (!failed && std::find(folders_.begin(), folders_.end(), to) == folders_.end()) folders_.push_back(to);
  }

  std::string base_, out_;
  std::mt19937_64 random_;
  std::vector<std::string> folders_;
};

/// What the two differ in, for messages.
std::vector<std::string> difference(const file_digests& learned, const file_digests& there) {
  std::vector<std::string> out;
  for (const auto& [path, bytes] : there)
    if (!learned.contains(path))
      out.push_back("missed " + path);
    else if (learned.at(path) != bytes)
      out.push_back("stale " + path);
  for (const auto& [path, bytes] : learned)
    if (!there.contains(path)) out.push_back("ghost " + path);
  return out;
}

struct no_missed_change : testing::TestWithParam<std::uint64_t>, watcher_harness {
  no_missed_change() : watcher_harness(test::temporary_folder::quick_base()) {}
};

TEST_P(no_missed_change, after_random_operations_with_overflow) {
  constexpr int operations = 25'000;  // × 4 seeds
  SCOPED_TRACE(fmt::format("seed {}", GetParam()));
  learner learned(options.root);
  start([&](const auto& events) { learned.apply(events); });
  random_tree tree(folder, GetParam());
  for (int i = 0; i < operations; ++i) {
    tree.step();
    if (i % 10'000 == 2'000) watcher->pause_reading();
    if (i % 20'000 == 5'000) tree.burst();
    if (i % 10'000 == 9'500) watcher->resume_reading();
    if (i % 1'000 != 999 || i % 10'000 >= 2'000) continue;
    take();
    ASSERT_THAT(difference(learned.files(), learner::scan(options.root)), IsEmpty())
        << "after " << i + 1 << " operations";
  }
  watcher->resume_reading();
  take();
  EXPECT_THAT(difference(learned.files(), learner::scan(options.root)), IsEmpty());
  EXPECT_GE(learned.overflows, 1u) << "the test means to overflow the queue";
  // The watches are whole, too: every folder still reports.
  for (const auto& entry : fs::recursive_directory_iterator(options.root))
    if (entry.is_directory()) std::ofstream(entry.path() / "last") << "x";
  take();
  EXPECT_THAT(difference(learned.files(), learner::scan(options.root)), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(seeds, no_missed_change, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace graphite
