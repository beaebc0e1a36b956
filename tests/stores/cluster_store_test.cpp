#include "cli/cluster_store.hpp"
#include "cli/segment_cache.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "node/attempt.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/linux/process_runner.hpp"
#include "platform/linux/scratch_space.hpp"
#include "platform/worker/worker_pool.hpp"
#include "tests/stores/cluster_rig.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/wait_until.hpp"
#include "transforms/command.hpp"

namespace graphite {
namespace {

using test::make_content;
using test::sample_content;

class cluster_store_test : public test::cluster_rig {
 protected:
  static std::vector<sample_content> some(std::size_t count, std::size_t bytes) {
    std::vector<sample_content> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(make_content(i + 1, bytes + i));
    return out;
  }
  static void put_all(cluster_store& into, const std::vector<sample_content>& all) {
    for (const auto& one : all) ASSERT_TRUE(into.put(one.bytes, one.chunks));
  }
};

TEST_F(cluster_store_test, what_one_node_stored_another_one_reads) {
  start_store("a");
  start_store("b");
  start_store("c");
  node writer(*this), reader(*this);
  tell(writer, {"a", "b", "c"}, 2);
  tell(reader, {"a", "b", "c"}, 2);
  auto all = some(50, 1000);
  all.push_back(make_content(100, 0));
  all.push_back(make_content(101, 5 * MiB));
  put_all(writer.store, all);
  const auto synced = writer.store.sync();
  ASSERT_TRUE(synced) << synced.error().context;
  for (const auto& one : all) {
    EXPECT_EQ(int{has("a", one)} + int{has("b", one)} + int{has("c", one)}, 2);
    const auto found = reader.store.find(one.ref.id);
    ASSERT_TRUE(found && *found) << (found ? "not there" : found.error().context);
    EXPECT_EQ((*found)->ref, one.ref);
    EXPECT_EQ(read_all(reader.store, one.ref), one.bytes);
  }
  EXPECT_FALSE(*reader.store.find(make_content(77, 77).ref.id)) << "nobody has it";
}

/// A tool's run on one node, whose input and output another node has made and reads.
TEST_F(cluster_store_test, an_attempt_works_on_contents_of_the_stores) {
  start_store("a");
  start_store("b");
  node maker(*this), worker(*this);
  for (auto* one : {&maker, &worker}) tell(*one, {"a", "b"}, 2);
  const auto input = make_content(5, 300'000);
  put_all(maker.store, {input});
  ASSERT_TRUE(maker.store.sync());

  test::temporary_folder folder;
  folder.make_folder("view");
  const auto view = posix_file_reader::open_root(folder / "view").value();
  const auto scratch = disk_scratch_space::make(folder / "scratch").value();
  linux_process_runner processes;
  command_transform transform;
  worker_pool workers{{.program = "/nowhere", .environment = {}}};
  attempt_spec spec{{},      {},      {}, {}, "rule", test::path_of("in.txt"), {}, {{"out.bin", false}},
                    nullptr, nullptr, {}, {}, {}};
  spec.environment = {{"PATH", "/usr/bin:/bin"}};
  command_spec command;
  command.shell = true;
  command.argv = {"cat {in} {in} > {out}"};
  spec.command = std::make_shared<const command_spec>(command);
  spec.inputs.push_back({test::path_of("in.txt"), input.ref, true});
  attempt_options options;
  options.nice = 0;
  const attempt_runner runner({*view, worker.store, hash_, processes, *scratch, transform, workers}, options);
  const auto result = runner.run(spec, {});
  ASSERT_EQ(result.status, attempt_status::succeeded) << result.message;
  ASSERT_TRUE(worker.store.sync());
  auto twice = input.bytes;
  twice.insert(twice.end(), input.bytes.begin(), input.bytes.end());
  EXPECT_EQ(read_all(maker.store, result.outputs.at(0).content), twice);
}

TEST_F(cluster_store_test, sync_waits_until_there_are_enough_stores) {
  start_store("a");
  start_store("b");
  node one(*this);
  tell(one, {"a"}, 2);
  const auto all = some(3, 1000);
  put_all(one.store, all);
  std::atomic<bool> done{false};
  result<void> how;
  std::thread syncing([&] {
    how = one.store.sync();
    done.store(true);
  });
  EXPECT_TRUE(test::wait_until([&] { return has("a", all[2]); }));
  EXPECT_FALSE(done.load());
  tell(one, {"a", "b"}, 2);
  syncing.join();
  EXPECT_TRUE(how) << how.error().context;
  for (const auto& content : all) EXPECT_TRUE(has("b", content));
}

TEST_F(cluster_store_test, too_few_stores_for_too_long_are_an_error_and_the_next_sync_tries_again) {
  start_store("a");
  store_client::options impatient;
  impatient.bringing.give_up_after = milliseconds(100);
  node one(*this, {}, impatient);
  tell(one, {"a"}, 2);
  const auto all = some(3, 1000);
  put_all(one.store, all);
  const auto synced = one.store.sync();
  ASSERT_FALSE(synced);
  EXPECT_EQ(synced.error().code, errc::unavailable);
  start_store("b");
  tell(one, {"a", "b"}, 2);
  EXPECT_TRUE(test::wait_until([&] { return one.store.sync().has_value(); }));
  for (const auto& content : all) EXPECT_TRUE(has("b", content));
}

TEST_F(cluster_store_test, contents_wanted_by_many_threads_are_moved_once) {
  start_store("a");
  node writer(*this), reader(*this);
  tell(writer, {"a"}, 1);
  tell(reader, {"a"}, 1);
  const auto one = make_content(9, 20 * MiB);
  put_all(writer.store, {one});
  ASSERT_TRUE(writer.store.sync());
  std::vector<std::thread> readers;
  for (int i = 0; i < 6; ++i)
    readers.emplace_back([&] { EXPECT_EQ(read_all(reader.store, one.ref), one.bytes); });
  for (auto& each : readers) each.join();
  EXPECT_LT(running_.at("a").server->count().bytes_sent, 22 * MiB);
}

TEST_F(cluster_store_test, held_contents_are_not_brought_anywhere) {
  start_store("a");
  node one(*this);
  tell(one, {"a"}, 1);
  const auto small = make_content(1, 1000);
  ASSERT_TRUE(one.store.hold(small.bytes, small.chunks));
  ASSERT_TRUE(one.store.sync());
  EXPECT_EQ(running_.at("a").server->count().requests, 0U);
  EXPECT_EQ(read_all(one.store, small.ref), small.bytes);
}

TEST_F(cluster_store_test, the_coordinators_settings_say_which_stores_there_are) {
  start_store("a");
  start_store("b");
  node one(*this);
  control::settings said;
  said.copies = 2;
  said.stores = {{addresses_.at("a"), {}}, {addresses_.at("b"), {}}};
  one.traffic.set_stores(said);
  const auto small = make_content(1, 1000);
  put_all(one.store, {small});
  ASSERT_TRUE(one.store.sync());
  EXPECT_TRUE(has("a", small) && has("b", small));
}

TEST_F(cluster_store_test, the_cache_stays_within_its_bound_and_what_went_is_fetched_again) {
  start_store("a");
  node* self = nullptr;
  cluster_store::options options;
  options.cache.bytes_max = 6 * MiB;
  options.collect = [&](const std::function<std::vector<digest>()>& kept) {
    return keep_only(*self->local, kept);
  };
  node one(*this, options);
  self = &one;
  tell(one, {"a"}, 1);
  const auto all = some(40, 500'000);
  std::uint64_t most = 0;
  for (const auto& content : all) {
    put_all(one.store, {content});
    ASSERT_TRUE(one.store.sync());
    ASSERT_TRUE(one.store.fold());
    most = std::max(most, one.local->usage().file_bytes);
  }
  EXPECT_LE(most, 8 * MiB) << "three quarters of each segment are kept, and one is open";
  std::size_t here = 0;
  for (const auto& content : all) here += *one.local->find(content.ref.id) ? 1 : 0;
  EXPECT_LT(here, 14U);
  EXPECT_GT(here, 5U);
  for (const auto& content : all) EXPECT_EQ(read_all(one.store, content.ref), content.bytes);
}

TEST_F(cluster_store_test, what_is_in_no_store_yet_is_never_dropped_from_the_cache) {
  start_store("a");
  node* self = nullptr;
  cluster_store::options options;
  options.cache.bytes_max = 2 * MiB;
  options.collect = [&](const std::function<std::vector<digest>()>& kept) {
    return keep_only(*self->local, kept);
  };
  node one(*this, options);
  self = &one;
  const auto all = some(20, 500'000);
  for (const auto& content : all) {
    put_all(one.store, {content});
    ASSERT_TRUE(one.store.fold());
  }
  for (const auto& content : all) EXPECT_EQ(read_all(*one.local, content.ref), content.bytes);
  tell(one, {"a"}, 1);
  ASSERT_TRUE(one.store.sync());
  ASSERT_TRUE(one.store.fold());
  EXPECT_LE(one.local->usage().file_bytes, 4 * MiB);
}

/// A store has other bytes than it should: the node takes none of them, and the store is told.
TEST_F(cluster_store_test, says_which_contents_are_lost_and_mends_its_own) {
  start_store("a");
  node* self = nullptr;
  cluster_store::options options;
  options.forget = [&](const digest& content) { return self->local->forget(content); };
  node writer(*this), reader(*this, options);
  self = &reader;
  tell(writer, {"a"}, 1);
  tell(reader, {"a"}, 1);
  const auto all = some(3, 50'000);
  put_all(writer.store, all);
  ASSERT_TRUE(writer.store.sync());
  const auto nowhere = make_content(77, 5000);
  const std::vector<content_ref> wanted{all[0].ref, nowhere.ref, all[1].ref};
  const auto lost = reader.store.fetch(wanted);
  ASSERT_TRUE(lost) << lost.error().context;
  EXPECT_EQ(*lost, std::vector{nowhere.ref.id});
  EXPECT_EQ(read_all(*reader.local, all[1].ref), all[1].bytes);

  damage(*reader.local, all[0].ref, 1000);
  const auto mended = reader.store.mend(std::vector{all[0].ref, all[1].ref}, hash_);
  ASSERT_TRUE(mended) << mended.error().context;
  EXPECT_EQ(mended->wrong, 1U);
  EXPECT_TRUE(mended->lost.empty());
  EXPECT_EQ(read_all(*reader.local, all[0].ref), all[0].bytes);
}

/// What is stored while a collection takes stock is not taken for dead.
TEST_F(cluster_store_test, nothing_that_is_stored_during_a_collection_goes) {
  start_store("a");
  node* self = nullptr;
  cluster_store::options options;
  options.cache.bytes_max = 1 * MiB;
  options.collect = [&](const std::function<std::vector<digest>()>& kept) {
    return keep_only(*self->local, kept);
  };
  node one(*this, options);
  self = &one;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 60; ++i) {
        const auto content = make_content(static_cast<std::uint64_t>(1000 * t + i), 30'000);
        ASSERT_TRUE(one.store.put(content.bytes, content.chunks));
        ASSERT_TRUE(one.store.fold());
        EXPECT_EQ(read_all(*one.local, content.ref), content.bytes) << "it is in no store yet";
      }
    });
  for (auto& each : threads) each.join();
}

TEST_F(cluster_store_test, the_end_of_the_traffic_ends_all_waiting) {
  result<void> how;
  std::thread waiting;
  const auto small = make_content(1, 1000);
  start_store("a");
  {
    node one(*this);
    tell(one, {"a"}, 2);
    put_all(one.store, {small});
    waiting = std::thread([&] { how = one.traffic.bring(std::span(&small.ref, 1)); });
    EXPECT_TRUE(test::wait_until([&] { return has("a", small); }));
  }
  waiting.join();
  ASSERT_FALSE(how);
  EXPECT_EQ(how.error().code, errc::cancelled);
}

}  // namespace
}  // namespace graphite
