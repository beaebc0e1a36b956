#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "actors/channel.hpp"
#include "actors/journal.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "platform/rocksdb/rocks_store.hpp"
#include "platform/store/segment_store.hpp"
#include "tests/actors/actor_fixture.hpp"
#include "tests/actors/channel_support.hpp"
#include "tests/support/temporary_folder.hpp"

// Every sync of this process, whoever asks for it: the libraries find these before the C library's.

namespace {
std::atomic<int> syncs = 0;
}
extern "C" int fdatasync(int file) {
  ++syncs;
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}
extern "C" int fsync(int file) {
  ++syncs;
  return static_cast<int>(::syscall(SYS_fsync, file));
}

namespace graphite {
namespace {

class sync_cost_test : public test::actor_fixture {
 protected:
  static constexpr std::uint64_t segment_bytes = 1 * MiB;

  void SetUp() override {
    disk = *rocks_store::open({.folder = folder.path() + "/db"}, log);
    segment_store_options options;
    options.folder = folder.path() + "/segments";
    options.segment_bytes = segment_bytes;
    store = *segment_store::open(options, *disk, hash, log);
    writer = system.spawn(journal, journal_dependencies{disk.get(), store.get(), &log, [](const error&) {}});
    folder_writer = system.spawn(fold_worker);
    counting_random random;
    const auto now = begin_reign(*disk, random, clock.unix_ns());
    auto restored = restore_channel({}, *now, archive, *disk, *store, hash);
    ASSERT_TRUE(restored) << restored.error().context;
    channel_dependencies with;
    with.contents = store.get();
    with.rows = disk.get();
    with.hash = &hash;
    with.clock = &clock;
    with.log = &log;
    with.publisher = &publisher;
    with.journal = writer;
    with.folder = folder_writer;
    with.write_generation = [this](const index_tree& tree, const head& h) { return archive.write(tree, h); };
    main = system.spawn(channel, std::move(with), std::move(*restored));
    run();
    publisher.on_announce = [this] { at_announcement = syncs; };
    edit(100);  // the first one makes the first segment
    edit(200'000);
  }
  void TearDown() override {
    end(main);
    end(folder_writer);
    end(writer);
    store.reset();
    disk.reset();
  }

  class counting_random final : public random_source {
   public:
    std::uint64_t next() override { return ++n_; }

   private:
    std::uint64_t n_ = 0;
  };

  /// Saves new content of this size; syncs from the save to the announcement. Then all comes to rest.
  int edit(std::size_t bytes) {
    const std::string text = std::to_string(++edits) + std::string(bytes, '.');
    const auto before = syncs.load();
    const auto announced = publisher.announced.size();
    const auto chunks = chunk_bytes(as_bytes(text), hash);
    const bool small = text.size() <= inline_bytes_max;
    EXPECT_TRUE(small ? store->hold(as_bytes(text), chunks) : store->put(as_bytes(text), chunks));
    auto what = std::make_shared<publication>();
    what->id = std::to_string(edits);
    what->changes.upserts.push_back({*logical_path::parse("a.txt"), {{content_of(chunks, hash)}}, {}});
    what->rows.push_back({table::sources, "a.txt", what->id});
    asker->request(main, caf::infinite, atom::publish_v, publication_ptr(std::move(what)));
    run();
    EXPECT_EQ(publisher.announced.size(), announced + 1);
    const auto out = at_announcement - before;
    pass(channel_actor_state::fold_after);
    return out;
  }

  test::temporary_folder folder;
  std::unique_ptr<rocks_store> disk;
  std::unique_ptr<segment_store> store;
  test::recording_publisher publisher;
  test::memory_archive archive{hash};
  journal_actor writer;
  fold_actor folder_writer;
  channel_actor main;
  caf::scoped_actor asker{system};
  int edits = 0, at_announcement = 0;
};

TEST_F(sync_cost_test, a_small_edit_costs_one_sync) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(edit(1'000), 1);
  EXPECT_EQ(edit(20'000), 1);
}

TEST_F(sync_cost_test, an_edit_of_200_kb_costs_two_syncs_when_a_segment_is_full_too) {
  const auto before = store->usage().segments;
  for (int i = 0; i < 24; ++i) EXPECT_EQ(edit(200'000), 2) << "edit " << i;
  EXPECT_GE(store->usage().segments, before + 4) << "no segment was full";
}

TEST_F(sync_cost_test, an_edit_of_more_than_a_segment_holds_costs_two_syncs) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(edit(2 * segment_bytes), 2);
}

TEST_F(sync_cost_test, full_segments_are_sealed_off_the_path) {
  for (int i = 0; i < 12; ++i) edit(200'000);
  int sealed = 0;
  for (const auto& one : std::filesystem::directory_iterator(folder.path() + "/segments"))
    if ((one.status().permissions() & std::filesystem::perms::owner_write) == std::filesystem::perms::none)
      ++sealed;
  EXPECT_GE(sealed, 1);
}

}  // namespace
}  // namespace graphite
