#include "platform/rocksdb/rocks_store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>

#include "platform/linux/durable_file.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/small_mount.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using durability = key_value_store::durability;

class rocks_store_test : public testing::Test {
 protected:
  rocks_options options() {
    rocks_options out;
    out.folder = folder_ / "meta";
    return out;
  }
  std::unique_ptr<rocks_store> open() { return open(options()); }
  std::unique_ptr<rocks_store> open(rocks_options options) {
    auto store = rocks_store::open(std::move(options), log_);
    EXPECT_TRUE(store) << store.error().context;
    return store ? std::move(*store) : nullptr;
  }

  test::temporary_folder folder_;
  test::recording_log log_;
};

TEST_F(rocks_store_test, rows_survive_a_reopen_in_their_tables) {
  {
    auto store = open();
    ASSERT_TRUE(store->write({{table::graph, "a", "1"}, {table::sources, "a", "2"}}, durability::lazy));
    ASSERT_TRUE(store->write({{table::meta, "b", std::string("x\0y", 3)}}, durability::synced));
  }
  auto store = open();
  EXPECT_EQ(**store->get(table::graph, "a"), "1");
  EXPECT_EQ(**store->get(table::sources, "a"), "2");
  EXPECT_EQ(**store->get(table::meta, "b"), std::string("x\0y", 3));
  EXPECT_FALSE(store->get(table::journal, "a")->has_value());
}

TEST_F(rocks_store_test, a_row_without_value_erases) {
  auto store = open();
  ASSERT_TRUE(store->write({{table::meta, "k", "v"}}, durability::lazy));
  ASSERT_TRUE(store->write({{table::meta, "k", std::nullopt}}, durability::lazy));
  EXPECT_FALSE(store->get(table::meta, "k")->has_value());
}

TEST_F(rocks_store_test, scan_visits_a_prefix_in_order_until_told_to_stop) {
  auto store = open();
  ASSERT_TRUE(store->write({{table::history, "b2", "2"},
                            {table::history, "b1", "1"},
                            {table::history, "c", "3"},
                            {table::history, "a", "0"},
                            {table::history, "b\xff", "4"}},
                           durability::lazy));
  std::string seen;
  ASSERT_TRUE(store->scan(table::history, "b", [&](auto, auto value) {
    seen += value;
    return true;
  }));
  EXPECT_EQ(seen, "124");
  seen.clear();
  ASSERT_TRUE(store->scan(table::history, "", [&](auto, auto value) {
    seen += value;
    return seen.size() < 2;
  }));
  EXPECT_EQ(seen, "01");
}

TEST_F(rocks_store_test, a_batch_over_the_limit_writes_nothing) {
  auto store = open();
  std::vector<row_write> rows{{table::meta, "small", "1"},
                              {table::meta, "huge", std::string(rocks_store::value_bytes_max + 1, 'x')}};
  EXPECT_EQ(store->write(rows, durability::lazy).error().code, errc::too_large);
  EXPECT_FALSE(store->get(table::meta, "small")->has_value());
}

TEST_F(rocks_store_test, many_opens_do_not_pile_up_logs) {
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(open()->write({{table::meta, std::to_string(i), "v"}}, durability::lazy));
  int logs = 0;
  for (const auto& one : std::filesystem::directory_iterator(folder_ / "meta"))
    logs += one.path().extension() == ".log";
  EXPECT_LE(logs, 10);
  auto store = open();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(store->get(table::meta, std::to_string(i))->has_value()) << i;
}

TEST_F(rocks_store_test, a_second_opener_in_this_process_is_told_so) {
  auto store = open();
  auto second = rocks_store::open(options(), log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::already_exists);
  EXPECT_NE(second.error().context.find("this process"), std::string::npos) << second.error().context;
  EXPECT_TRUE(store->write({{table::meta, "still", "mine"}}, durability::synced));
}

TEST_F(rocks_store_test, another_process_that_holds_it_is_named) {
  open();  // makes the folder
  // The child only takes RocksDB's lock, as another graphite would hold it.
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = ::open((folder_ / "meta/LOCK").c_str(), O_RDWR);
    struct flock all {};
    all.l_type = F_WRLCK;
    const char ok = ::fcntl(fd, F_SETLK, &all) == 0 ? 'y' : 'n';
    (void)!::write(ready[1], &ok, 1);
    ::pause();
    ::_exit(0);
  }
  char ok = 0;
  ASSERT_EQ(::read(ready[0], &ok, 1), 1);
  ASSERT_EQ(ok, 'y');
  auto refused = rocks_store::open(options(), log_);
  auto looking = options();
  looking.read_only = true;
  auto reader = rocks_store::open(looking, log_);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::already_exists);
  EXPECT_NE(refused.error().context.find(fmt::format("process {}", child)), std::string::npos)
      << refused.error().context;
  EXPECT_TRUE(reader) << "a reader needs no lock";
  EXPECT_TRUE(rocks_store::open(options(), log_)) << "free again";
}

TEST_F(rocks_store_test, a_reader_sees_rows_and_may_not_write) {
  auto store = open();
  ASSERT_TRUE(store->write({{table::meta, "k", "v"}}, durability::lazy));
  auto looking = options();
  looking.read_only = true;
  auto reader = open(looking);
  EXPECT_EQ(**reader->get(table::meta, "k"), "v");
  EXPECT_EQ(reader->write({{table::meta, "k", "w"}}, durability::lazy).error().code, errc::permission_denied);
}

TEST_F(rocks_store_test, a_reader_of_nothing_is_told_and_makes_nothing) {
  auto looking = options();
  looking.read_only = true;
  auto reader = rocks_store::open(looking, log_);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "meta"));
}

TEST_F(rocks_store_test, a_folder_of_a_newer_version_is_left_alone) {
  open();
  ASSERT_TRUE(replace_file(folder_ / "meta/VERSION", as_bytes("graphite-metadata 7\n")));
  auto store = rocks_store::open(options(), log_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, errc::newer_version);
  EXPECT_NE(store.error().context.find("format 7"), std::string::npos);
  EXPECT_NE(store.error().context.find("--state"), std::string::npos);
}

TEST_F(rocks_store_test, a_mangled_version_is_corrupt) {
  open();
  for (const char* text : {"", "graphite-metadata \n", "graphite-metadata 1", "graphite-metadata 1x\n",
                           "graphite-metadata 0\n", "graphite-metadata 99999999999\n", "something else\n"}) {
    ASSERT_TRUE(replace_file(folder_ / "meta/VERSION", as_bytes(text)));
    auto store = rocks_store::open(options(), log_);
    ASSERT_FALSE(store) << text;
    EXPECT_EQ(store.error().code, errc::corrupt) << text;
  }
}

TEST_F(rocks_store_test, a_failed_sync_is_reported_once_and_ends_writing) {
  std::atomic<int> code{0};
  int reports = 0;
  auto failing = options();
  failing.fault = [&](std::string_view operation) { return operation == "sync" ? code.load() : 0; };
  failing.on_failed_sync = [&](const error&) { ++reports; };
  auto store = open(failing);
  ASSERT_TRUE(store->write({{table::meta, "before", "1"}}, durability::synced));
  code = EIO;
  EXPECT_EQ(store->write({{table::meta, "lost", "1"}}, durability::synced).error().code, errc::io);
  code = 0;
  EXPECT_FALSE(store->write({{table::meta, "after", "1"}}, durability::synced));
  EXPECT_EQ(reports, 1);
  EXPECT_EQ(**store->get(table::meta, "before"), "1");
}

TEST_F(rocks_store_test, writes_are_refused_once_somebody_says_so) {
  auto store = open(options());
  ASSERT_TRUE(store->write({{table::meta, "before", "1"}}, durability::synced));
  store->refuse_writes();
  EXPECT_EQ(store->write({{table::meta, "after", "1"}}, durability::lazy).error().code, errc::io);
  EXPECT_EQ(**store->get(table::meta, "before"), "1");
  store.reset();
  EXPECT_TRUE(open(options())->write({{table::meta, "after", "1"}}, durability::synced));
}

TEST_F(rocks_store_test, quota_counts_as_space_and_passes) {
  std::atomic<int> code{0};
  auto failing = options();
  failing.fault = [&](std::string_view) { return code.load(); };
  failing.on_failed_sync = [](const error& why) { ADD_FAILURE() << why.context; };
  auto store = open(failing);
  ASSERT_TRUE(store->write({{table::meta, "before", "1"}}, durability::synced));
  code = EDQUOT;
  EXPECT_EQ(store->write({{table::meta, "refused", "1"}}, durability::synced).error().code,
            errc::out_of_space);
  EXPECT_EQ(store->write({{table::meta, "refused", "1"}}, durability::synced).error().code,
            errc::out_of_space);
  EXPECT_EQ(**store->get(table::meta, "before"), "1") << "stays readable";
  code = 0;
  ASSERT_TRUE(store->write({{table::meta, "after", "1"}}, durability::synced));
  store.reset();
  store = open();
  EXPECT_EQ(**store->get(table::meta, "before"), "1");
  EXPECT_EQ(**store->get(table::meta, "after"), "1");
}

TEST_F(rocks_store_test, a_full_disk_refuses_stays_readable_and_recovers) {
  test::small_mount disk(24 << 20);
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs is not permitted here";
  auto small = options();
  small.folder = disk.path() + "/meta";
  small.on_failed_sync = [](const error& why) { ADD_FAILURE() << why.context; };
  auto store = open(small);
  ASSERT_TRUE(store->write({{table::meta, "before", "1"}}, durability::synced));
  {
    std::ofstream filler(disk.path() + "/filler", std::ios::binary);
    const std::string block(1 << 20, 'f');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  const std::string value(100'000, 'v');
  result<void> last;
  int acknowledged = 0;
  for (int i = 0; i < 400 && last; ++i) {
    last = store->write({{table::history, std::to_string(i), value}}, durability::synced);
    if (last) ++acknowledged;
  }
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, errc::out_of_space) << last.error().context;
  EXPECT_EQ(**store->get(table::meta, "before"), "1");
  std::filesystem::remove(disk.path() + "/filler");
  last = store->write({{table::meta, "after", "1"}}, durability::synced);
  ASSERT_TRUE(last) << last.error().context;
  store.reset();
  store = open(small);
  EXPECT_EQ(**store->get(table::meta, "after"), "1");
  for (int i = 0; i < acknowledged; ++i)
    EXPECT_TRUE(store->get(table::history, std::to_string(i))->has_value()) << i;
}

}  // namespace
}  // namespace graphite
