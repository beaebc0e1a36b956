// The sink by itself: collecting dead bytes, and what is checked at an open.

#include "cli/bundle_sink.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "platform/crypto/sha256.hpp"
#include "relay/announcer.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/small_mount.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;

class bundle_sink_test : public ::testing::Test {
 protected:
  bundle_sink_test() { open(state_trust::usual); }
  void open(state_trust trust) {
    sink_.reset();
    bundle_sink_options options;
    options.folder = folder_;
    options.segment_bytes = segment_bytes_;
    sink_ = bundle_sink::open(options, trust, hash_, log_).value();
  }
  std::string text(std::size_t bytes) {
    std::string out(bytes, ' ');
    for (auto& c : out) c = static_cast<char>(rng_());
    return out;
  }
  static asset_record record_of(const std::string& path, const content_ref& content, const chunk_list& list) {
    return {*logical_path::parse(path), {part_of(content, list)}, {}};
  }
  content_ref store(const std::string& bytes) {
    const chunk_list list = chunk_bytes(as_bytes(bytes), hash_);
    const content_ref content = content_of(list, hash_);
    EXPECT_TRUE(sink_->put(content, as_bytes(bytes)));
    return content;
  }
  /// Shows `files` changed as told.
  void show(const std::map<std::string, std::string>& changed) {
    swap_plan plan;
    for (const auto& [path, bytes] : changed) {
      const content_ref content = store(bytes);
      plan.changes.upserts.push_back(record_of(path, content, chunk_bytes(as_bytes(bytes), hash_)));
      files_[path] = content;
    }
    plan.base_root = root_ == digest{} ? sink_->index().empty_root() : root_;
    plan.now.channel = "main";
    plan.now.epoch = epoch_number{1};
    plan.now.sequence = sequence_number{++sequence_};
    const auto root = sink_->index().apply(plan.base_root, plan.changes);
    ASSERT_TRUE(root);
    root_ = plan.now.root = *root;
    plan.now.assets = files_.size();
    plan.head_bytes = *encode_wire_head(plan.now, hash_);
    plan.marks.push_back({plan.now.lineage, plan.now.epoch, plan.now.sequence});
    const auto swapped = sink_->swap(plan);
    ASSERT_TRUE(swapped) << swapped.error().context;
    sink_->index().retain(std::array{root_});
  }
  void expect_whole() {
    for (const auto& [path, content] : files_) {
      byte_vector bytes(content.size);
      ASSERT_TRUE(sink_->read(content, 0, bytes)) << path;
      EXPECT_EQ(content_of(chunk_bytes(bytes, hash_), hash_), content) << path;
    }
  }
  std::size_t segments(const fs::path& in) const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(in))
      count += entry.path().filename().string().starts_with("segment-");
    return count;
  }
  /// Bytes that the segments take on the disk.
  std::uint64_t segment_blocks() const {
    std::uint64_t sum = 0;
    for (const auto& entry : fs::directory_iterator(folder_ / ".graphite/segments")) {
      struct stat info {};
      EXPECT_EQ(::stat(entry.path().c_str(), &info), 0);
      sum += static_cast<std::uint64_t>(info.st_blocks) * 512;
    }
    return sum;
  }

  openssl_hasher hash_;
  test::recording_log log_;
  std::mt19937_64 rng_{5};
  const test::temporary_folder temporary_;
  const fs::path folder_ = temporary_.path();
  std::unique_ptr<bundle_sink> sink_;
  std::map<std::string, content_ref> files_;
  digest root_;
  std::uint64_t sequence_ = 0, segment_bytes_ = 256 * KiB;
};

TEST_F(bundle_sink_test, a_swap_takes_the_disk_that_it_needs) {
  show({{"a", text(30'000)}});
  const auto before = segment_blocks();
  show({{"a", text(30'000)}});
  EXPECT_GE(segment_blocks() - before, 30'000u);
  EXPECT_LE(segment_blocks() - before, 40'000u);
  open(state_trust::usual);
  show({{"a", text(30'000)}});
  EXPECT_LE(segment_blocks() - before, 80'000u);
}

TEST_F(bundle_sink_test, dead_segments_go_and_live_contents_stay) {
  std::map<std::string, std::string> all;
  for (int i = 0; i < 40; ++i) all[fmt::format("f{}", i)] = text(30'000);
  show(all);
  for (int i = 0; i < 200; ++i) show({{fmt::format("f{}", i % 20), text(30'000)}});
  const auto before = sink_->store().usage().file_bytes;
  ASSERT_GT(before, 6'000'000u);
  const auto collected = sink_->collect_now();
  ASSERT_TRUE(collected) << collected.error().context;
  EXPECT_LT(sink_->store().usage().file_bytes, 3'500'000u);
  EXPECT_LT(segments(folder_), 16u);  // their links, too
  expect_whole();
  show({{"f3", text(100)}});  // it goes on from the pages that moved
  expect_whole();
  open(state_trust::little);
  ASSERT_TRUE(sink_->memory().active);
  EXPECT_EQ(sink_->memory().active->root, root_);
  expect_whole();
}

TEST_F(bundle_sink_test, what_is_fetched_for_the_next_generation_is_not_collected) {
  std::map<std::string, std::string> all;
  for (int i = 0; i < 20; ++i) all[fmt::format("f{}", i)] = text(30'000);
  show(all);
  std::vector<content_ref> fetched;
  for (int i = 0; i < 20; ++i) fetched.push_back(store(text(30'000)));
  ASSERT_TRUE(sink_->collect_now());
  for (const auto& content : fetched) EXPECT_TRUE(sink_->has(content));
  expect_whole();
}

// As a process that was killed leaves it: a copy of all files in the middle of a transfer. Once where the
// content shares a segment with others, once where it has one of its own.
TEST_F(bundle_sink_test, a_content_that_was_cut_off_is_there_for_the_next_attempt) {
  for (const std::uint64_t segment_bytes : {256 * KiB, 64 * MiB})
    for (const bool killed : {false, true}) {
      segment_bytes_ = segment_bytes;
      open(state_trust::usual);
      const auto bytes = text(3'000'000);
      const auto list = chunk_bytes(as_bytes(bytes), hash_);
      const auto content = content_of(list, hash_);
      auto part = sink_->begin(content, list).value();
      std::size_t appended = 0, chunks = 0;
      byte_vector found(list.chunks[0].size);
      EXPECT_FALSE(part->left_before(0, found)) << "there was none before";
      for (; appended < 2'000'000; appended += list.chunks[chunks++].size)
        ASSERT_TRUE(part->append(as_bytes(bytes).subspan(appended, list.chunks[chunks].size)));
      const auto other = store(text(1'000));  // behind it, where they share a segment
      test::temporary_folder copy;
      fs::copy(folder_, copy.path(), fs::copy_options::recursive | fs::copy_options::copy_symlinks);
      part.reset();
      sink_.reset();
      bundle_sink_options options;
      options.folder = killed ? copy.path() : folder_.string();
      options.segment_bytes = segment_bytes;
      auto next = bundle_sink::open(options, state_trust::usual, hash_, log_).value();
      EXPECT_TRUE(next->has(other));
      EXPECT_FALSE(next->has(content));
      auto again = next->begin(content, list).value();
      std::size_t at = 0;
      for (const auto& chunk : list.chunks) {
        byte_vector here(chunk.size);
        const bool left = again->left_before(at, here) && hash_.sha256(here) == chunk.id;
        EXPECT_EQ(left, at < appended) << at;
        ASSERT_TRUE(again->append(as_bytes(bytes).subspan(at, chunk.size)));
        at += chunk.size;
      }
      ASSERT_TRUE(again->finish());
      EXPECT_TRUE(next->has(content));
      auto last = next->begin(content, list).value();
      EXPECT_FALSE(last->left_before(0, found)) << "what is finished is nothing that was cut off";
    }
}

/// A content that is put into a sink, chunk by chunk, as a transfer does.
struct large_content {
  large_content(std::string text, const hasher& hash)
      : bytes(std::move(text)), list(chunk_bytes(as_bytes(bytes), hash)), content(content_of(list, hash)) {}
  /// Goes on at `at`, from what was left before and what it has, up to about `end`. Errors: those of
  /// append().
  result<void> transfer(partial_content& into, std::size_t& at, std::size_t end, const hasher& hash) const {
    std::size_t begin = 0;
    bool same = true;
    for (const auto& chunk : list.chunks) {
      if (begin == at && at < end) {
        byte_vector left(chunk.size);
        same = same && into.left_before(at, left) && hash.sha256(left) == chunk.id;
        GRAPHITE_CHECK(into.append(same ? byte_span(left) : as_bytes(bytes).subspan(at, chunk.size)));
        at += chunk.size;
      }
      begin += chunk.size;
    }
    return {};
  }
  result<void> transfer(partial_content& into, std::size_t end, const hasher& hash) const {
    std::size_t at = 0;
    return transfer(into, at, end, hash);
  }
  std::string bytes;
  chunk_list list;
  content_ref content;
};

std::uint64_t blocks_below(const fs::path& folder) {
  std::uint64_t out = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) == 0 && S_ISREG(info.st_mode))
      out += static_cast<std::uint64_t>(info.st_blocks) * 512;
  }
  return out;
}

TEST_F(bundle_sink_test, an_attempt_that_was_cut_off_is_given_back_once_another_has_more) {
  const large_content large(text(12'000'000), hash_);
  auto part = sink_->begin(large.content, large.list).value();
  ASSERT_TRUE(large.transfer(*part, 8'000'000, hash_));
  part.reset();
  store(text(1'000));  // behind it
  part = sink_->begin(large.content, large.list).value();
  std::size_t at = 0;
  ASSERT_TRUE(large.transfer(*part, at, 7'000'000, hash_));
  const auto both = blocks_below(folder_);
  ASSERT_TRUE(large.transfer(*part, at, 10'000'000, hash_)) << "more than the one before";
  EXPECT_LE(blocks_below(folder_) + 4'000'000, both);
  ASSERT_TRUE(large.transfer(*part, at, large.bytes.size(), hash_));
  ASSERT_TRUE(part->finish());
  open(state_trust::little);
  EXPECT_TRUE(sink_->has(large.content));
}

TEST_F(bundle_sink_test, a_disk_that_has_room_for_one_attempt_takes_the_one_after_a_cut) {
  const test::small_mount disk(36 << 20);
  if (!disk.mounted()) GTEST_SKIP() << "no right to mount";
  bundle_sink_options options;
  options.folder = disk.path() + "/kept";
  const large_content large(text(20'000'000), hash_);
  {
    auto first = bundle_sink::open(options, state_trust::usual, hash_, log_).value();
    auto part = first->begin(large.content, large.list).value();
    ASSERT_TRUE(large.transfer(*part, 18'000'000, hash_));
  }
  {
    auto sink = bundle_sink::open(options, state_trust::usual, hash_, log_).value();
    auto part = sink->begin(large.content, large.list).value();
    std::size_t at = 0;
    EXPECT_EQ(large.transfer(*part, at, 20'000'000, hash_).error().code, errc::out_of_space)
        << "there is no room beside what was left";
    EXPECT_TRUE(large.transfer(*part, at, 15'000'000, hash_)) << "which has made room";
  }
  auto sink = bundle_sink::open(options, state_trust::usual, hash_, log_).value();
  auto part = sink->begin(large.content, large.list).value();
  byte_vector left(large.list.chunks[0].size);
  ASSERT_TRUE(part->left_before(0, left)) << "an attempt that met a full disk can be gone on from";
  EXPECT_EQ(hash_.sha256(left), large.list.chunks[0].id);
  std::size_t at = 0;
  for (int attempt = 0; attempt < 2 && at < large.bytes.size(); ++attempt)
    (void)large.transfer(*part, at, large.bytes.size(), hash_);
  ASSERT_EQ(at, large.bytes.size());
  EXPECT_TRUE(part->finish());
  EXPECT_TRUE(sink->has(large.content));
}

TEST_F(bundle_sink_test, what_is_not_wanted_any_more_is_no_attempt_that_was_cut_off) {
  const auto bytes = text(2'000'000);
  const auto list = chunk_bytes(as_bytes(bytes), hash_);
  const auto content = content_of(list, hash_);
  auto part = sink_->begin(content, list).value();
  std::size_t at = 0;
  for (int i = 0; i < 3; ++i) {
    const auto& chunk = list.chunks[static_cast<std::size_t>(i)];
    ASSERT_TRUE(part->append(as_bytes(bytes).subspan(at, chunk.size)));
    at += chunk.size;
  }
  const auto used = sink_->store().usage().file_bytes;
  part->forget();
  part.reset();
  EXPECT_LT(sink_->store().usage().file_bytes, used) << "its place was the last one";
  open(state_trust::usual);
  byte_vector found(list.chunks[0].size);
  EXPECT_FALSE(sink_->begin(content, list).value()->left_before(0, found));
}

TEST_F(bundle_sink_test, a_flipped_byte_is_found_and_only_that_content_forgotten) {
  show({{"a", text(30'000)}, {"b", text(30'000)}});
  ASSERT_TRUE(sink_->begin_sync()());
  ASSERT_TRUE(sink_->end_sync({}));
  const auto where = *(*sink_->store().find(files_["a"].id))->where;
  sink_.reset();
  const fs::path segment = folder_ / segment_file_name(where.segment);
  fs::permissions(segment, fs::perms::owner_write, fs::perm_options::add);
  std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(where.offset + 77));
  file.put('\0').put('\1').put('\2');
  file.close();
  open(state_trust::little);
  EXPECT_FALSE(sink_->memory().active);
  EXPECT_FALSE(sink_->has(files_["a"]));
  EXPECT_TRUE(sink_->has(files_["b"]));
  ASSERT_FALSE(sink_->memory().marks.empty());
  EXPECT_EQ(sink_->memory().marks[0].sequence, sequence_number{0});  // the same generation may come again
}

TEST_F(bundle_sink_test, what_is_newer_than_the_last_sync_is_checked_at_the_open) {
  show({{"a", text(30'000)}});
  ASSERT_TRUE(sink_->begin_sync()());
  ASSERT_TRUE(sink_->end_sync({}));
  show({{"b", text(30'000)}});
  const auto where = *(*sink_->store().find(files_["b"].id))->where;
  const fs::path segment = folder_ / segment_file_name(where.segment);
  std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(where.offset + 77));
  file.put('\0').put('\1').put('\2');
  file.close();
  open(state_trust::usual);
  EXPECT_FALSE(sink_->memory().active);
  EXPECT_TRUE(sink_->has(files_["a"]));
  EXPECT_FALSE(sink_->has(files_["b"]));
}

TEST_F(bundle_sink_test, a_folder_that_shows_files_is_refused_and_so_is_a_second_process) {
  bundle_sink_options options;
  options.folder = folder_;
  const auto second = bundle_sink::open(options, state_trust::usual, hash_, log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::already_exists);
  options.folder = folder_ / "files";
  fs::create_directories(folder_ / "files");
  fs::create_symlink("x", folder_ / "files" / "current");
  const auto files = bundle_sink::open(options, state_trust::usual, hash_, log_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, errc::already_exists);
}

}  // namespace
}  // namespace graphite
