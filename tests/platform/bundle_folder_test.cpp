#include "platform/store/bundle_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "platform/linux/durable_file.hpp"
#include "tests/bundle/index_support.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/small_mount.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using test::asset_name;
using test::make_asset;

class bundle_folder_test : public testing::Test {
 protected:
  bundle_folder_options options() {
    bundle_folder_options out;
    out.folder = temporary_ / "bundle";
    out.kept_generations = 3;
    out.rewrite_bytes_min = 1;
    return out;
  }
  void open() {
    folder_.reset();
    auto opened = bundle_folder::open(options(), test::sha(), log_);
    ASSERT_TRUE(opened) << opened.error().context;
    folder_ = std::move(*opened);
  }
  head next_head(const index_tree& tree) {
    head out;
    out.channel = "default";
    out.lineage = lineage_id{uuid{{1, 2, 3}}};
    out.epoch = epoch_number{7};
    out.sequence = sequence_number{++sequence_};
    out.root = tree.root();
    out.assets = tree.assets();
    return out;
  }
  result<void> publish(const index_tree& tree) {
    return folder_->publish(next_head(tree), tree, {}, where());
  }
  /// Contents lie where their names say.
  extent_lookup where() {
    return [this](const content_ref& content) -> std::optional<extent> {
      return extent{segment_id{segment_}, 4096 * std::uint64_t{content.id.bytes[0]}, content.size};
    };
  }
  index_tree start(std::size_t assets) {
    auto tree = index_tree::build(test::many_assets(assets), test::sha());
    return tree->with_source(folder_->pages());
  }
  index_tree edit(const index_tree& tree, std::size_t asset, std::uint64_t version) {
    asset_changes changes;
    changes.upserts.push_back(make_asset(asset_name(asset), version));
    auto next = tree.apply(changes);
    EXPECT_TRUE(next) << next.error().context;
    return *next;
  }
  std::size_t count_assets(const index_tree& tree) {
    std::size_t seen = 0;
    auto walked = tree.for_each([&](const located_asset& asset) {
      EXPECT_EQ(asset.extents.size(), asset.record.parts.size());
      ++seen;
      return true;
    });
    EXPECT_TRUE(walked) << walked.error().context;
    return seen;
  }
  std::size_t files(std::string_view prefix) {
    std::size_t out = 0;
    for (const auto& one : std::filesystem::directory_iterator(temporary_ / "bundle"))
      out += one.path().filename().string().starts_with(prefix);
    return out;
  }

  test::temporary_folder temporary_;
  test::recording_log log_;
  std::unique_ptr<bundle_folder> folder_;
  std::uint64_t sequence_ = 0;
  std::uint32_t segment_ = 1;
};

TEST_F(bundle_folder_test, a_generation_is_read_again_after_a_reopen) {
  open();
  EXPECT_FALSE(folder_->current());
  EXPECT_EQ(folder_->tree().error().code, errc::not_found);
  const auto tree = start(500);
  ASSERT_TRUE(publish(tree));
  open();
  ASSERT_TRUE(folder_->current());
  EXPECT_EQ(folder_->current()->value.root, tree.root());
  const auto back = folder_->tree();
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(count_assets(*back), 500u);
  EXPECT_EQ((*back->find(id_of(test::path(asset_name(17)))))->record, make_asset(asset_name(17), 17));
}

TEST_F(bundle_folder_test, an_edit_writes_few_bytes_and_older_generations_stay_readable) {
  open();
  auto tree = start(5000);
  ASSERT_TRUE(publish(tree));
  const auto file = temporary_ / "bundle/pages-00000001";
  const auto before = std::filesystem::file_size(file);
  for (int i = 0; i < 5; ++i) {
    tree = edit(tree, 42, 100'000 + i);
    ASSERT_TRUE(publish(tree));
  }
  EXPECT_LT(std::filesystem::file_size(file) - before, 5 * 8 * 5000u);
  EXPECT_EQ(folder_->generations().size(), 3u);
  open();
  const auto kept = folder_->generations();
  ASSERT_EQ(kept.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    auto old = index_tree::open(kept[i].value.root, kept[i].root, folder_->pages(), test::sha());
    ASSERT_TRUE(old) << old.error().context;
    EXPECT_EQ((*old->find(id_of(test::path(asset_name(42)))))->record,
              make_asset(asset_name(42), 100'002 + i));
  }
}

TEST_F(bundle_folder_test, a_reopened_folder_is_written_on) {
  open();
  ASSERT_TRUE(publish(start(300)));
  for (int i = 0; i < 4; ++i) {
    open();
    ASSERT_TRUE(publish(edit(*folder_->tree(), 3, 1000 + i)));
  }
  EXPECT_EQ(files("pages-"), 1u);
  open();
  EXPECT_EQ(count_assets(*folder_->tree()), 300u);
}

TEST_F(bundle_folder_test, dead_pages_are_dropped_by_a_rewrite) {
  open();
  auto tree = start(400);
  ASSERT_TRUE(publish(tree));
  EXPECT_FALSE(folder_->wants_rewrite());
  for (int i = 0; i < 200 && !folder_->wants_rewrite(); ++i) {
    tree = edit(tree, i, 10'000 + i);
    ASSERT_TRUE(publish(tree));
  }
  ASSERT_TRUE(folder_->wants_rewrite());
  const auto before = std::filesystem::file_size(temporary_ / "bundle/pages-00000001");
  segment_ = 9;  // the store moved everything meanwhile
  auto rewritten = folder_->rewrite(where());
  ASSERT_TRUE(rewritten) << rewritten.error().context;
  EXPECT_EQ(rewritten->root(), tree.root());
  EXPECT_FALSE(folder_->wants_rewrite());
  EXPECT_FALSE(std::filesystem::exists(temporary_ / "bundle/pages-00000001"));
  EXPECT_LT(std::filesystem::file_size(temporary_ / "bundle/pages-00000002") * 2, before);
  EXPECT_TRUE(folder_->refers_to(segment_id{9}));
  EXPECT_FALSE(folder_->refers_to(segment_id{1}));
  EXPECT_EQ(folder_->generations().size(), 3u);
  ASSERT_TRUE(publish(edit(*rewritten, 5, 77)));
  open();
  EXPECT_EQ(count_assets(*folder_->tree()), 400u);
  for (const auto& one : folder_->generations())
    EXPECT_EQ(count_assets(*index_tree::open(one.value.root, one.root, folder_->pages(), test::sha())), 400u);
}

TEST_F(bundle_folder_test, a_tree_from_before_a_rewrite_is_still_read_and_written) {
  open();
  ASSERT_TRUE(publish(start(400)));
  const auto tree = *folder_->tree();  // its root alone is in memory
  ASSERT_TRUE(folder_->rewrite(where()));
  EXPECT_EQ(count_assets(tree), 400u) << "its places are those of a removed file";
  const auto edited = edit(edit(tree, 399, 5), 398, 6);
  ASSERT_TRUE(publish(edited));
  EXPECT_EQ(folder_->current()->root.file, 2u);
  ASSERT_TRUE(folder_->rewrite(where()));
  ASSERT_TRUE(publish(edit(edited, 7, 8))) << "two rewrites ago";
  ASSERT_TRUE(folder_->publish(next_head(tree), tree, {}, where())) << "an unchanged older tree";
  open();
  EXPECT_EQ(files("pages-"), 1u);
  EXPECT_EQ(folder_->current()->value.root, tree.root());
  EXPECT_EQ(count_assets(*folder_->tree()), 400u);
}

TEST_F(bundle_folder_test, publishing_goes_on_beside_a_rewrite) {
  open();
  auto tree = start(400);
  ASSERT_TRUE(publish(tree));
  std::size_t asked = 0;
  const auto rewritten = folder_->rewrite([&](const content_ref& content) {
    if (++asked % 100 == 0) {
      tree = edit(tree, asked % 400, asked);
      EXPECT_TRUE(publish(tree));
    }
    return where()(content);
  });
  ASSERT_TRUE(rewritten) << rewritten.error().context;
  EXPECT_GE(sequence_, 4u);
  EXPECT_EQ(rewritten->root(), tree.root());
  open();
  EXPECT_EQ(folder_->current()->value.sequence.value, sequence_);
  EXPECT_EQ(files("pages-"), 1u);
  for (const auto& one : folder_->generations())
    EXPECT_EQ(count_assets(*index_tree::open(one.value.root, one.root, folder_->pages(), test::sha())), 400u);
}

TEST_F(bundle_folder_test, pages_and_segments_are_let_go_by_a_rewrite) {
  open();
  ASSERT_TRUE(publish(start(100)));
  std::weak_ptr<const void> mapping;
  {
    const auto root = folder_->current()->root;
    mapping = folder_->pages()->load(folder_->current()->value.root, root)->keep;
    EXPECT_FALSE(mapping.expired());
  }
  segment_ = 2;
  ASSERT_TRUE(folder_->rewrite(where()));
  EXPECT_TRUE(mapping.expired()) << "the removed file's space is not free";
  EXPECT_EQ(folder_->segments(), std::set{segment_id{2}});
  EXPECT_FALSE(folder_->wants_rewrite(1));
  EXPECT_TRUE(folder_->wants_rewrite(1 << 20)) << "dead segment bytes outweigh the pages";
}

TEST_F(bundle_folder_test, what_a_death_in_a_rewrite_left_is_removed_at_the_next_start) {
  open();
  auto tree = start(50);
  ASSERT_TRUE(publish(tree));
  ASSERT_TRUE(publish(edit(tree, 1, 2)));
  folder_.reset();
  ASSERT_TRUE(replace_file(temporary_ / "bundle/pages-00000002", as_bytes("half written")));
  open();
  EXPECT_EQ(files("pages-"), 1u);
  EXPECT_EQ(folder_->generations().size(), 2u);
  EXPECT_EQ(count_assets(*folder_->tree()), 50u);
}

TEST_F(bundle_folder_test, a_failed_rewrite_leaves_all_as_it_was) {
  test::small_mount disk(1 << 20);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs is not permitted here";
  auto small = options();
  small.folder = disk.path() + "/bundle";
  folder_ = bundle_folder::open(small, test::sha(), log_).value();
  auto tree = start(1000);
  ASSERT_TRUE(publish(tree));
  ASSERT_TRUE(replace_file(disk.path() + "/filler", byte_vector(850'000), 0644, false));
  EXPECT_EQ(folder_->rewrite(where()).error().code, errc::out_of_space);
  EXPECT_FALSE(std::filesystem::exists(small.folder + "/pages-00000002"));
  std::filesystem::remove(disk.path() + "/filler");
  tree = edit(tree, 1, 2);
  ASSERT_TRUE(publish(tree));
  ASSERT_TRUE(folder_->rewrite(where()));
  EXPECT_EQ(count_assets(*folder_->tree()), 1000u);
  folder_.reset();
}

TEST_F(bundle_folder_test, heads_that_do_not_go_on_are_refused) {
  open();
  const auto tree = start(10);
  auto first = next_head(tree);
  auto other = first;
  other.root = digest{};
  EXPECT_EQ(folder_->publish(other, tree, {}, where()).error().code, errc::invalid_argument);
  ASSERT_TRUE(folder_->publish(first, tree, {}, where()));
  EXPECT_EQ(folder_->publish(first, tree, {}, where()).error().code, errc::invalid_argument);
}

TEST_F(bundle_folder_test, segments_are_linked_not_copied) {
  auto linked = options();
  linked.segments_folder = temporary_ / "segments";
  ASSERT_TRUE(make_folders(linked.segments_folder));
  ASSERT_TRUE(replace_file(temporary_ / "segments/segment-00000001", as_bytes("bytes")));
  folder_ = bundle_folder::open(linked, test::sha(), log_).value();
  ASSERT_TRUE(publish(start(10)));
  struct stat info {};
  ASSERT_EQ(::stat((temporary_ / "bundle/segment-00000001").c_str(), &info), 0);
  EXPECT_EQ(info.st_nlink, 2u);
  segment_ = 2;
  EXPECT_EQ(publish(start(11)).error().code, errc::not_found) << "the segment is missing";
  EXPECT_EQ(folder_->current()->value.assets, 10u);
}

TEST_F(bundle_folder_test, damaged_files_are_told_not_served) {
  open();
  ASSERT_TRUE(publish(start(100)));
  folder_.reset();
  const auto head_name = temporary_ / "bundle/head", pages_name = temporary_ / "bundle/pages-00000001";
  const auto head_bytes = read_whole_file(head_name, 1 << 20).value();
  const auto page_bytes = read_whole_file(pages_name, 1 << 20).value();
  const auto opens_whole = [&] {
    auto opened = bundle_folder::open(options(), test::sha(), log_);
    if (!opened) return false;
    auto tree = (*opened)->tree();
    return tree && tree->for_each([](const located_asset&) { return true; }).has_value();
  };
  for (std::size_t at = 0; at < head_bytes.size(); at += 3) {
    auto bad = head_bytes;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    ASSERT_TRUE(replace_file(head_name, as_bytes(bad), 0644, false));
    EXPECT_FALSE(opens_whole()) << at;
    ASSERT_TRUE(replace_file(head_name, as_bytes(head_bytes.substr(0, at)), 0644, false));
    EXPECT_FALSE(opens_whole()) << at;
  }
  ASSERT_TRUE(replace_file(head_name, as_bytes(head_bytes), 0644, false));
  for (std::size_t length = 0; length < page_bytes.size(); length += 97) {
    ASSERT_TRUE(replace_file(pages_name, as_bytes(page_bytes.substr(0, length)), 0644, false));
    EXPECT_FALSE(opens_whole()) << length;
  }
  ASSERT_TRUE(replace_file(pages_name, as_bytes(page_bytes), 0644, false));
  EXPECT_TRUE(opens_whole());
}

TEST_F(bundle_folder_test, a_full_disk_leaves_the_last_head_and_passes) {
  test::small_mount disk(1 << 20);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs is not permitted here";
  auto small = options();
  small.folder = disk.path() + "/bundle";
  folder_ = bundle_folder::open(small, test::sha(), log_).value();
  auto tree = start(100);
  ASSERT_TRUE(publish(tree));
  ASSERT_TRUE(replace_file(disk.path() + "/filler", byte_vector(900'000), 0644, false));
  const auto big = start(3000);
  EXPECT_EQ(publish(big).error().code, errc::out_of_space);
  EXPECT_EQ(folder_->current()->value.assets, 100u);
  std::filesystem::remove(disk.path() + "/filler");
  ASSERT_TRUE(publish(big));
  folder_ = bundle_folder::open(small, test::sha(), log_).value();
  EXPECT_EQ(count_assets(*folder_->tree()), 3000u);
  folder_.reset();
}

}  // namespace
}  // namespace graphite
