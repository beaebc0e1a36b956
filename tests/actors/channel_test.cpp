#include "actors/channel.hpp"

#include "actors/journal.hpp"
#include "actors/restore.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/head_codec.hpp"
#include "schemas/codec/announcement.hpp"
#include "tests/actors/actor_fixture.hpp"

namespace graphite {
namespace {

class recording_publisher final : public head_publisher {
 public:
  void announce(std::string_view, byte_vector message) override {
    announced.push_back(*decode_announcement(message));
  }
  void beat(byte_vector) override { ++beats; }
  std::string address() const override { return ""; }
  counters count() const override { return {}; }
  std::vector<announcement> announced;
  int beats = 0;
};

/// A bundle folder that keeps the newest generation in memory.
class memory_archive final : public bundle_archive {
 public:
  explicit memory_archive(const hasher& hash) : hash_(hash) {}
  result<std::optional<state>> newest() override { return newest_; }
  result<index_tree> open(const digest&, page_location) override { return fail(errc::not_found, "not kept"); }
  index_tree empty_tree() override { return index_tree(hash_); }
  result<page_location> write(const index_tree& tree, const head& now) override {
    ++writes;
    on_write();
    newest_.emplace(state{now, tree});
    return page_location{1, 64};
  }
  result<std::vector<state>> kept() override {
    return newest_ ? std::vector<state>{*newest_} : std::vector<state>{};
  }
  bool refers_to(segment_id) const override { return false; }
  bool wants_rewrite(std::uint64_t) const override { return false; }
  /// The same pages at another place.
  result<void> rewrite() override {
    std::vector<asset_record> all;
    GRAPHITE_CHECK(newest_->tree.for_each([&](const located_asset& asset) {
      all.push_back(asset.record);
      return true;
    }));
    GRAPHITE_TRY(newest_->tree, index_tree::build(all, hash_));
    return {};
  }
  std::string folder() const override { return "/memory"; }
  int writes = 0;
  std::function<void()> on_write = [] {};

 private:
  const hasher& hash_;
  std::optional<state> newest_;
};

class channel_actor_test : public test::actor_fixture {
 protected:
  void SetUp() override { start(); }
  void TearDown() override { stop(); }

  void start() {
    writer = system.spawn(journal, journal_dependencies{&rows, &contents, &log, [](const error&) {}});
    folder = system.spawn(fold_worker);
    auto restored = restore_channel({}, now, archive, rows, contents, hash);
    ASSERT_TRUE(restored) << restored.error().context;
    channel_dependencies with;
    with.contents = &contents;
    with.rows = &rows;
    with.hash = &hash;
    with.clock = &clock;
    with.log = &log;
    with.publisher = &publisher;
    with.published = &published;
    with.journal = writer;
    with.folder = folder;
    with.write_generation = [this](const index_tree& tree, const head& h) { return archive.write(tree, h); };
    with.newest_tree = [this]() -> result<std::optional<index_tree>> {
      return std::optional(archive.newest().value()->tree);
    };
    main = system.spawn(channel, std::move(with), restored->core, restored->unfolded);
    run();
  }
  void stop() {
    end(main);
    end(folder);
    end(writer);
  }

  publication_ptr change(const std::string& name, const std::string& text) {
    const auto chunks = chunk_bytes(as_bytes(text), hash);
    EXPECT_TRUE(contents.hold(as_bytes(text), chunks));
    auto out = std::make_shared<publication>();
    out->changes.upserts.push_back({*logical_path::parse(name), {{content_of(chunks, hash)}}, {}});
    out->rows.push_back({table::sources, name, text});
    return out;
  }
  /// More than a journal record holds.
  publication_ptr large_change() {
    auto all = std::make_shared<publication>();
    for (int i = 0; i < 40; ++i) {
      const auto one =
          change(std::to_string(i), std::string(2000, static_cast<char>('a' + i % 26)) + std::to_string(i));
      all->changes.upserts.push_back(one->changes.upserts[0]);
    }
    std::sort(all->changes.upserts.begin(), all->changes.upserts.end());
    return all;
  }
  void publish(publication_ptr what) {
    asker->request(main, caf::infinite, atom::publish_v, std::move(what));
    run();
  }
  head newest() { return decode_head(publisher.announced.back().head, hash)->value; }

  recording_publisher publisher;
  published_state published{incarnation_id{}, hash};
  memory_archive archive{hash};
  reign now{lineage_id{uuid{{1}}}, epoch_number{7}, true};
  journal_actor writer;
  fold_actor folder;
  channel_actor main;
  caf::scoped_actor asker{system};
};

TEST_F(channel_actor_test, one_small_change_costs_one_sync_and_rides_in_its_announcement) {
  publish(change("a.txt", "hello"));
  ASSERT_EQ(publisher.announced.size(), 1u);
  EXPECT_EQ(rows.options().synced_writes, 1u);
  EXPECT_EQ(contents.options().syncs, 0u);
  ASSERT_EQ(publisher.announced[0].chunks.size(), 1u);
  EXPECT_EQ(as_text(publisher.announced[0].chunks[0].bytes), "hello");
  EXPECT_EQ(newest().sequence, sequence_number{1});
  EXPECT_EQ(newest().assets, 1u);
}

TEST_F(channel_actor_test, the_same_bytes_again_are_no_generation_but_their_rows_are_kept) {
  publish(change("a.txt", "hello"));
  publish(change("a.txt", "hello"));
  EXPECT_EQ(publisher.announced.size(), 1u);
  EXPECT_EQ(rows.options().synced_writes, 2u);
}

TEST_F(channel_actor_test, nothing_is_announced_before_it_is_on_disk) {
  rows.options().fail_writes = errc::out_of_space;
  publish(change("a.txt", "hello"));
  EXPECT_TRUE(publisher.announced.empty());
  EXPECT_EQ(rows.rows(table::journal), 0u);
  rows.options().fail_writes.reset();
  pass(seconds(1));
  ASSERT_EQ(publisher.announced.size(), 1u);
  EXPECT_EQ(rows.rows(table::journal), 1u);
}

TEST_F(channel_actor_test, the_fold_erases_what_it_wrote) {
  publish(change("a.txt", "one"));
  publish(change("b.txt", "two"));
  EXPECT_EQ(rows.rows(table::journal), 2u);
  pass(milliseconds(300));
  EXPECT_EQ(rows.rows(table::journal), 0u);
  ASSERT_TRUE(*archive.newest());
  EXPECT_EQ((*archive.newest())->now.sequence, sequence_number{2});
}

TEST_F(channel_actor_test, a_restart_brings_back_what_was_only_in_the_journal) {
  publish(change("a.txt", "one"));
  const auto before = newest();
  stop();
  contents.lose_unsynced();
  rows.lose_unsynced();
  now.epoch = epoch_number{8};
  start();
  publish(change("b.txt", "two"));
  EXPECT_EQ(newest().assets, 2u);
  EXPECT_TRUE(newest().newer_than(before));
  EXPECT_EQ(newest().lineage, before.lineage);
}

TEST_F(channel_actor_test, records_of_a_death_after_the_fold_are_erased_and_not_folded_again) {
  publish(change("a.txt", "one"));
  publish(change("b.txt", "two"));
  std::vector<row_write> as_before_the_erasure;
  ASSERT_TRUE(rows.scan(table::journal, "", [&](std::string_view key, std::string_view row) {
    as_before_the_erasure.push_back({table::journal, std::string(key), std::string(row)});
    return true;
  }));
  pass(milliseconds(300));
  as_before_the_erasure.push_back({table::generations, generation_key("main", 2), std::nullopt});
  ASSERT_TRUE(rows.write(as_before_the_erasure, key_value_store::durability::synced));
  stop();
  archive.writes = 0;
  start();
  EXPECT_EQ(rows.rows(table::journal), 0u);
  EXPECT_EQ(rows.rows(table::generations), 1u);
  pass(seconds(1));
  EXPECT_EQ(archive.writes, 0);
}

TEST_F(channel_actor_test, more_than_a_record_holds_is_folded_first) {
  publish(large_change());
  ASSERT_EQ(publisher.announced.size(), 1u);
  EXPECT_EQ(rows.rows(table::journal), 0u);
  EXPECT_EQ((*archive.newest())->now.assets, 40u);
  EXPECT_GE(contents.options().folds, 1u);
}

TEST_F(channel_actor_test, a_large_change_between_a_small_one_and_its_fold_is_folded_once) {
  publish(change("a.txt", "one"));
  publish(large_change());
  pass(seconds(2));
  EXPECT_EQ(archive.writes, 1);
  EXPECT_EQ(rows.rows(table::journal), 0u);
  EXPECT_TRUE(log.empty());
}

TEST_F(channel_actor_test, a_large_change_whose_rows_find_no_space_is_published_when_there_is_some) {
  archive.on_write = [this] { rows.options().fail_writes = errc::out_of_space; };
  publish(large_change());
  EXPECT_TRUE(publisher.announced.empty());
  archive.on_write = [] {};
  rows.options().fail_writes.reset();
  pass(seconds(1));
  EXPECT_EQ(archive.writes, 1);
  ASSERT_EQ(publisher.announced.size(), 1u);
  EXPECT_EQ(newest().assets, 40u);
}

TEST_F(channel_actor_test, what_is_not_stored_is_not_published) {
  auto what = std::make_shared<publication>(*change("a.txt", "x"));
  what->changes.upserts[0].parts[0].content.id.bytes[0] ^= 1;
  publish(what);
  EXPECT_TRUE(publisher.announced.empty());
  EXPECT_FALSE(log.empty());
}

TEST_F(channel_actor_test, pages_that_moved_are_let_go_and_publishing_goes_on_from_the_new_ones) {
  publish(change("a.txt", "one"));
  pass(channel_actor_state::fold_after);
  const std::weak_ptr<const index_node> old = archive.newest().value()->tree.root_node();
  publish(change("b.txt", "not folded yet"));
  ASSERT_TRUE(archive.rewrite());
  EXPECT_FALSE(old.expired());
  caf::anon_send(main, atom::rebase_v);
  run();
  EXPECT_TRUE(old.expired());
  EXPECT_TRUE(published.page(newest().root)) << "a late joiner begins here";
  publish(change("c.txt", "three"));
  EXPECT_EQ(newest().assets, 3u);
  pass(channel_actor_state::fold_after);
  EXPECT_EQ(archive.newest().value()->tree.assets(), 3u);
}

TEST_F(channel_actor_test, pages_that_move_during_a_commit_are_let_go_after_it) {
  publish(change("a.txt", "one"));
  pass(channel_actor_state::fold_after);
  const std::weak_ptr<const index_node> old = archive.newest().value()->tree.root_node();
  archive.on_write = [this] {  // of a large change: while it is being committed
    ASSERT_TRUE(archive.rewrite());
    caf::anon_send(main, atom::rebase_v);
  };
  publish(large_change());
  EXPECT_EQ(newest().assets, 41u);
  EXPECT_TRUE(old.expired());
  publish(change("c.txt", "three"));
  EXPECT_EQ(newest().assets, 42u);
}

}  // namespace
}  // namespace graphite
