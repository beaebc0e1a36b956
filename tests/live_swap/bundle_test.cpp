// `--no-files`: the folder is a bundle that a program maps.

#include "cli/bundle_sink.hpp"
#include "core/kill_point_names.hpp"
#include "tests/live_swap/harness.hpp"
#include "tests/support/recording_log.hpp"

namespace graphite {
namespace {

using namespace test;

/// What a program that maps the bundle in `folder` reads; nothing while there is none or it is no whole one.
std::optional<std::map<std::string, std::string>> assets_of(const fs::path& folder, const hasher& hash) {
  recording_log log;
  bundle_folder_options options;
  options.folder = folder;
  options.read_only = true;
  const auto bundle = bundle_folder::open(options, hash, log);
  if (!bundle) return std::nullopt;
  const auto tree = (*bundle)->tree();
  if (!tree) return std::nullopt;
  std::map<std::string, std::string> out;
  bool whole = true;
  const auto walked = tree->for_each([&](const located_asset& asset) {
    const auto& content = asset.record.parts[0].content;
    std::string bytes(content.size, ' ');
    if (content.size > 0 && !asset.extents.empty()) {
      std::ifstream file(folder / segment_file_name(asset.extents[0].segment), std::ios::binary);
      file.seekg(static_cast<std::streamoff>(asset.extents[0].offset));
      file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      whole = whole && file.good();
    }
    whole = whole && content_of(chunk_bytes(as_bytes(bytes), hash), hash) == content;
    out[asset.record.path.str()] = std::move(bytes);
    return true;
  });
  if (!walked || !whole) return std::nullopt;
  return out;
}

std::uint64_t bytes_fetched_last(const fs::path& into) {
  const std::string events = slurp(into.string() + ".out");
  const auto last = events.rfind("\"bytes_fetched\":");
  return last == std::string::npos ? ~0ull : std::stoull(events.substr(last + 16));
}

class live_bundle : public live_swap {
 protected:
  bool shows(const small_publisher& publisher, int n = 0) {
    return wait_until([&] { return assets_of(into(n), hash_) == publisher.files(); });
  }
  std::unique_ptr<child> subscribe(const served_channel& channel, int n = 0) {
    return std::make_unique<child>(child_options{channel.address(), into(n), "", true, 0, ""});
  }
  /// Waits for an event of the newest generation.
  bool told(const small_publisher& publisher, int n = 0) {
    const std::string sequence = fmt::format("\"sequence\":{},", publisher.newest()->sequence.value);
    return wait_until([&] { return slurp(into(n).string() + ".out").find(sequence) != std::string::npos; });
  }
};

TEST_F(live_bundle, edits_reach_a_mapped_bundle) {
  small_publisher publisher({}, hash_);
  publisher.edit("a/b.txt", "one");
  served_channel channel(publisher, clock_);
  channel.publish();
  const auto subscriber = subscribe(channel);
  ASSERT_TRUE(shows(publisher));
  for (int i = 0; i < 30; ++i) {
    random_edit(publisher);
    channel.publish();
    if (i % 5 == 0) {
      ASSERT_TRUE(shows(publisher)) << i;
    }
  }
  ASSERT_TRUE(shows(publisher));
  ASSERT_TRUE(told(publisher));
  const int status = subscriber->end(SIGINT);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_FALSE(fs::exists(into() / "current"));
}

TEST_F(live_bundle, a_large_asset_is_fetched_by_its_changed_chunks) {
  small_publisher publisher({}, hash_);
  std::string big = text(8'000'000);
  publisher.edit("big.bin", big);
  served_channel channel(publisher, clock_);
  channel.publish();
  const auto subscriber = subscribe(channel);
  ASSERT_TRUE(shows(publisher));
  big.replace(4'000'000, 100, std::string(100, 'x'));
  publisher.edit("big.bin", big);
  channel.publish();
  ASSERT_TRUE(shows(publisher));
  ASSERT_TRUE(told(publisher));
  EXPECT_LT(bytes_fetched_last(into()), 1'000'000u);
}

TEST_F(live_bundle, a_killed_subscriber_converges) {
  small_publisher publisher({}, hash_);
  for (int i = 0; i < 40; ++i) random_edit(publisher);
  served_channel channel(publisher, clock_);
  channel.publish();
  for (int round = 0; round < 25; ++round) {
    const auto subscriber = subscribe(channel);
    const auto until = std::chrono::steady_clock::now() + milliseconds(rng_() % 200);
    while (std::chrono::steady_clock::now() < until) {
      random_edit(publisher);
      channel.publish();
      std::this_thread::sleep_for(milliseconds(rng_() % 4));
    }
    subscriber->end(SIGKILL);
  }
  const auto last = subscribe(channel);
  ASSERT_TRUE(shows(publisher));
}

/// Passed by no subscriber that is only fed a few small edits; store_tests and crash.py die there.
bool is_elsewhere(std::string_view point) {
  static const std::set<std::string_view> elsewhere{
      // Space is taken back when megabytes are dead.
      "bundle.after_rewrite_sync", "bundle.before_old_head", "bundle.before_rewrite", "store.after_gc_copy",
      "store.after_gc_rows", "store.before_unlink",
      // A segment is full, a crash has left a tail, or somebody has removed a file.
      "store.after_seal", "store.before_seal", "store.before_seal_sync", "store.after_recovery_sync",
      "store.before_recovery_sync", "store.after_link_back", "store.before_link_back"};
  const auto part = point.substr(0, point.find('.'));
  return elsewhere.contains(point) ||
         (part != "bundle" && part != "file" && part != "rocksdb" && part != "store");
}

TEST_F(live_bundle, dies_at_every_named_point_and_converges) {
  small_publisher publisher({}, hash_);
  for (int i = 0; i < 10; ++i) random_edit(publisher);
  served_channel channel(publisher, clock_);
  channel.publish();
  for (const auto name : kill_point_names) {
    if (is_elsewhere(name)) continue;
    const std::string point(name);
    fs::remove_all(into());  // some are passed by the first start only
    EXPECT_TRUE(dies_at(point, publisher, channel, true)) << point << " is not on a subscriber's way";
    const auto next = subscribe(channel);
    ASSERT_TRUE(shows(publisher)) << point << slurp(into().string() + ".err");
  }
}

TEST_F(live_bundle, a_restart_fetches_only_what_changed) {
  small_publisher publisher({}, hash_);
  for (int i = 0; i < 300; ++i) publisher.edit(fmt::format("f{}", i), text(2000));
  served_channel channel(publisher, clock_);
  channel.publish();
  {
    const auto subscriber = subscribe(channel);
    ASSERT_TRUE(shows(publisher));
    ASSERT_TRUE(told(publisher));
    subscriber->end(SIGKILL);
  }
  publisher.edit("f7", text(2000));
  channel.publish();
  publisher.edit("f8", text(2000));
  channel.publish();
  const auto subscriber = subscribe(channel);
  ASSERT_TRUE(shows(publisher));
  ASSERT_TRUE(told(publisher));
  EXPECT_LT(bytes_fetched_last(into()), 30'000u);  // two files, and the pages above them
}

/// Damages the state of a stopped subscriber; the next one shows all again. What is fetched: at most
/// `bytes_max`.
class damaged_bundle : public live_bundle, public ::testing::WithParamInterface<int> {
 protected:
  static fs::path first(const fs::path& folder, const std::string& prefix) {
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().filename().string().starts_with(prefix)) return entry.path();
    return folder / prefix;
  }
  void damage(int kind) {
    const fs::path home = into() / ".graphite";
    if (kind == 0) fs::remove(into() / "head");
    if (kind == 1) flip(into() / "head", 0.05);
    if (kind == 2) fs::remove(first(into(), "pages-"));
    if (kind == 3) fs::resize_file(first(into(), "pages-"), 100);
    if (kind == 4) fs::remove(first(into(), "segment-"));
    if (kind == 5) {
      fs::remove(first(into(), "segment-"));
      fs::remove(first(home / "segments", "segment-"));
    }
    if (kind == 6) fs::resize_file(first(home / "segments", "segment-"), 5000);
    if (kind == 7) fs::remove_all(home / "db");
    if (kind == 8)
      for (const auto& entry : fs::directory_iterator(home / "db")) fs::resize_file(entry.path(), 10);
    if (kind == 9) fs::remove_all(home / "segments");
    if (kind == 10) flip(first(into(), "pages-"), 0.5);
  }
};

TEST_P(damaged_bundle, is_fetched_again) {
  small_publisher publisher({}, hash_);
  for (int i = 0; i < 100; ++i) publisher.edit(fmt::format("f{}", i), text(2000));
  publisher.edit("big", text(300'000));
  served_channel channel(publisher, clock_);
  channel.publish();
  {
    const auto subscriber = subscribe(channel);
    ASSERT_TRUE(told(publisher));
    const int status = subscriber->end(SIGINT);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  damage(GetParam());
  for (int i = 0; i < 100; i += 3) publisher.edit(fmt::format("f{}", i), text(2000));
  channel.publish();
  const auto subscriber = subscribe(channel);
  ASSERT_TRUE(shows(publisher)) << slurp(into().string() + ".err");
  publisher.edit("f5", "after");
  channel.publish();
  ASSERT_TRUE(shows(publisher)) << slurp(into().string() + ".err");
}
INSTANTIATE_TEST_SUITE_P(kinds, damaged_bundle, ::testing::Range(0, 11));

}  // namespace
}  // namespace graphite
