#include "actors/channel.hpp"

#include "actors/journal.hpp"
#include "actors/restore.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/head_codec.hpp"
#include "bundle/index_page.hpp"
#include "tests/actors/actor_fixture.hpp"
#include "tests/actors/allocation_count.hpp"
#include "tests/actors/channel_support.hpp"

namespace graphite {
namespace {

class channel_actor_test : public test::actor_fixture {
 protected:
  void SetUp() override { start(); }
  void TearDown() override { stop(); }

  void start() {
    writer = system.spawn(journal, journal_dependencies{&rows, &contents, &log, [](const error&) {}});
    folder = system.spawn(fold_worker);
    auto restored = restore_channel(spec, now, archive, rows, contents, hash);
    ASSERT_TRUE(restored) << restored.error().context;
    follows = restored->follows;
    channel_dependencies with;
    with.contents = &contents;
    with.rows = &rows;
    with.hash = &hash;
    with.clock = &clock;
    with.log = &log;
    with.publisher = &publisher;
    with.published = &published;
    with.open_tree = [this](const digest& root, page_location where) { return archive.open(root, where); };
    with.beats = beats;
    with.journal = writer;
    with.folder = folder;
    with.write_generation = [this](const index_tree& tree, const head& h) { return archive.write(tree, h); };
    with.newest_tree = [this]() -> result<std::optional<index_tree>> {
      return std::optional(archive.newest().value()->tree);
    };
    main = system.spawn(channel, std::move(with), std::move(*restored));
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
  /// A publication of the graph actor: with its name, which the first channel commits with its rows.
  publication_ptr named(const std::string& id, publication_ptr what, bool first = true) {
    auto out = std::make_shared<publication>(*what);
    out->id = id;
    if (!first) out->rows.clear();
    if (first) out->rows.push_back({table::meta, std::string(publication_row_key), id});
    return out;
  }
  void restart() {
    stop();
    now.epoch = epoch_number{now.epoch.value + 1};
    start();
  }
  result<head> roll_back(std::uint64_t sequence) {
    result<head> out = fail(errc::timed_out, "not answered");
    const query asked{query::rollback{sequence, [&](result<head> how) { out = std::move(how); }}};
    caf::anon_send(main, atom::answer_v, std::make_shared<const query>(asked));
    run();
    return out;
  }
  head newest() { return decode_head(publisher.announced.back().head, hash)->value; }

  channel_spec spec;
  bool beats = false;
  std::optional<std::string> follows;  ///< as the last start found it
  test::recording_publisher publisher;
  published_state published{incarnation_id{}, hash};
  test::memory_archive archive{hash};
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
  EXPECT_TRUE(published.kept().page("", newest().root)) << "a late joiner begins here";
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

TEST_F(channel_actor_test, a_channel_that_shows_what_the_rows_say_is_in_step_after_a_restart) {
  EXPECT_EQ(follows, "") << "nothing was ever published";
  publish(named("7.1", change("a.txt", "one")));
  restart();
  EXPECT_EQ(follows, "7.1");
  publish(named("8.1", large_change()));
  restart();
  EXPECT_EQ(follows, "8.1");
  publish(named("9.1", change("a.txt", "one")));  // shown already
  restart();
  EXPECT_EQ(follows, "9.1");
}

TEST_F(channel_actor_test, a_channel_that_missed_a_publication_is_astray_after_a_restart) {
  publish(named("7.1", change("a.txt", "one")));
  // The process died after another channel's commit, which had the rows.
  ASSERT_TRUE(rows.write({{table::meta, std::string(publication_row_key), "7.2"}},
                         key_value_store::durability::synced));
  restart();
  EXPECT_FALSE(follows);
}

TEST_F(channel_actor_test, a_channel_that_is_ahead_of_the_rows_is_astray_after_a_restart) {
  publish(named("7.1", change("a.txt", "one")));
  publish(named("7.2", change("a.txt", "two"), false));
  restart();
  EXPECT_FALSE(follows);
}

TEST_F(channel_actor_test, a_folder_that_is_ahead_of_the_rows_is_astray_after_a_restart) {
  publish(named("7.1", change("a.txt", "one")));
  archive.on_write = [this] { rows.options().fail_writes = errc::out_of_space; };  // and then it died
  publish(named("7.2", large_change()));
  archive.on_write = [] {};
  rows.options().fail_writes.reset();
  restart();
  EXPECT_FALSE(follows);
}

TEST_F(channel_actor_test, a_channel_with_another_filter_is_astray_after_a_restart) {
  publish(named("7.1", change("a.txt", "one")));
  spec.exclude = {*glob::parse("*.png")};
  restart();
  EXPECT_FALSE(follows);
}

TEST_F(channel_actor_test, a_channel_that_went_astray_is_in_step_once_it_was_told_all) {
  publish(named("7.1", change("a.txt", "one")));
  publish(named("7.2", change("b.txt", "two"), false));
  restart();
  ASSERT_FALSE(follows);
  publish(named("8.1", change("c.txt", "three")));
  restart();
  EXPECT_FALSE(follows) << "it does not know what it missed";
  auto all = std::make_shared<publication>(*change("a.txt", "one"));
  all->changes.upserts.push_back(change("c.txt", "three")->changes.upserts[0]);
  all->complete = true;
  publish(named("8.1", all, false));
  EXPECT_EQ(newest().assets, 2u) << "b.txt is gone";
  restart();
  EXPECT_EQ(follows, "8.1");
}

TEST_F(channel_actor_test, what_it_shows_already_costs_a_channel_without_rows_no_sync) {
  publish(named("7.1", change("a.txt", "one")));
  const auto before = rows.options().synced_writes;
  publish(named("7.2", change("a.txt", "one"), false));
  EXPECT_EQ(rows.options().synced_writes, before);
  EXPECT_EQ(publisher.announced.size(), 1u);
}

TEST_F(channel_actor_test, a_rollback_is_announced_folded_and_stays) {
  publish(named("7.1", change("a.txt", "one")));
  pass(channel_actor_state::fold_after);
  const auto first = newest();
  publish(named("7.2", change("a.txt", "two")));
  pass(channel_actor_state::fold_after);
  const auto back = roll_back(1);
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(back->root, first.root);
  EXPECT_EQ(back->sequence, sequence_number{3});
  ASSERT_EQ(publisher.announced.size(), 3u);
  EXPECT_EQ(newest(), *back);
  EXPECT_EQ(publisher.announced[2].upserts.size(), 1u) << "what it changes rides along";
  EXPECT_TRUE(published.kept().page("", back->root)) << "a late joiner begins here";
  restart();
  EXPECT_EQ(follows, "7.2") << "it was meant: nothing brings the newer one back";
  pass(channel_actor_state::fold_after);
  EXPECT_EQ(archive.newest().value()->now.root, first.root);
  publish(named("8.1", change("b.txt", "three")));
  EXPECT_EQ(newest().sequence, sequence_number{4});
  EXPECT_EQ(newest().assets, 2u);
}

TEST_F(channel_actor_test, a_generation_that_is_not_kept_cannot_be_rolled_back_to) {
  publish(change("a.txt", "one"));
  const auto back = roll_back(41);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, errc::not_found);
  EXPECT_EQ(publisher.announced.size(), 1u);
}

TEST_F(channel_actor_test, the_heartbeat_goes_out_at_the_start_and_each_half_second) {
  EXPECT_EQ(publisher.beats, 0) << "another channel's actor beats for all";
  stop();
  beats = true;
  start();
  EXPECT_EQ(publisher.beats, 1);
  pass(milliseconds(499));
  EXPECT_EQ(publisher.beats, 1);
  pass(milliseconds(1));
  EXPECT_EQ(publisher.beats, 2);
  for (int i = 0; i < 4; ++i) pass(milliseconds(500));
  EXPECT_EQ(publisher.beats, 6);
}

/// Bytes that one edit asks for, its fold included, in a channel of so many assets.
class channel_cost_test : public channel_actor_test {
 protected:
  std::uint64_t bytes_of_an_edit(std::size_t assets) {
    stop();
    const auto text = std::string("content of all");
    const auto chunks = chunk_bytes(as_bytes(text), hash);
    EXPECT_TRUE(contents.put(as_bytes(text), chunks));
    const auto part = part_of(content_of(chunks, hash), chunks, part_codec::raw);
    std::vector<asset_record> all;
    for (std::size_t i = 0; i < assets; ++i)
      all.push_back(
          {*logical_path::parse("folder" + std::to_string(i % 997) + "/" + std::to_string(i)), {part}, {}});
    const auto tree = index_tree::build(all, hash);
    head seed;
    seed.channel = "main";
    seed.lineage = now.lineage;
    seed.epoch = now.epoch;
    seed.sequence = sequence_number{1};
    seed.root = tree->root();
    seed.assets = assets;
    EXPECT_TRUE(archive.write(*tree, seed));
    start();
    publish(change("folder3/3", "edited once"));
    pass(channel_actor_state::fold_after);
    const auto before = test::allocated_bytes();
    const auto syncs = rows.options().synced_writes;
    std::uint64_t syncs_before = 0;
    publisher.on_announce = [&] { syncs_before = rows.options().synced_writes - syncs; };
    publish(change("folder3/3", "edited twice"));
    publisher.on_announce = [] {};
    EXPECT_EQ(syncs_before, 1u) << assets << " assets";
    pass(channel_actor_state::fold_after);
    EXPECT_LE(archive.pages_last, 8u) << assets << " assets";
    EXPECT_EQ(newest().assets, assets);
    return test::allocated_bytes() - before;
  }
};

TEST_F(channel_cost_test, an_edit_costs_nearly_the_same_with_a_thousand_assets_and_with_200_000) {
  const auto few = bytes_of_an_edit(1'000);
  now.epoch = epoch_number{now.epoch.value + 1};
  const auto many = bytes_of_an_edit(200'000);
  EXPECT_LT(many, few + 512 * KiB) << "a list of all assets has over a megabyte";
}

}  // namespace
}  // namespace graphite
