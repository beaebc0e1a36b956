// graphite_subscribe() with a publisher in this process: real sockets, a real folder.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/bindings/following.hpp"
#include "tests/bindings/forked.hpp"
#include "tests/live_swap/harness.hpp"

namespace graphite {
namespace {

using namespace test;

class subscribing : public testing::Test {
 protected:
  /// Keeps `channel` (empty: the only one) in the folder `kept`.
  std::unique_ptr<followed_bundle> subscribe(const std::string& address, const std::string& channel = "",
                                             bool on_demand = false) {
    follow_options options;
    options.folder = kept();
    options.config.on_demand = on_demand;
    options.on_asset = [this](const graphite_asset_event& event) {
      if (event.type == GRAPHITE_ASSET_ARRIVED) arrived_.push_back(event.id);
    };
    return std::make_unique<followed_bundle>(address, channel, std::move(options));
  }
  /// Publishes `files` in a channel, and keeps them.
  void keep(const std::map<std::string, std::string>& files, const std::string& channel = "main") {
    small_publisher publisher({channel, {}, epoch_number{1}}, hash_);
    for (const auto& [path, bytes] : files) publisher.edit(path, bytes);
    served_channel served(publisher, clock_);
    served.publish();
    const auto live = subscribe(served.address());
    ASSERT_TRUE(live->wait(0, long_ns));
  }
  std::string kept() const { return folder_.path() + "/kept"; }
  static std::string text(std::size_t bytes, unsigned seed) {
    return std::string(as_text(random_bytes(bytes, seed)));
  }
  /// Of its only page.
  static std::uint64_t index_bytes(small_publisher& publisher) {
    return publisher.sources().page("", publisher.newest()->root).value().size();
  }
  static std::string nowhere() { return "127.0.0.1:1"; }

  const openssl_hasher hash_;
  const system_clock_source clock_;
  const temporary_folder folder_;
  std::vector<std::uint64_t> arrived_;
};

TEST_F(subscribing, counts_the_bytes_that_were_fetched) {
  small_publisher publisher({}, hash_);
  publisher.edit("a", text(3'000, 1));
  publisher.edit("b", text(5'000, 2));
  served_channel served(publisher, clock_);
  served.publish();
  const auto live = subscribe(served.address());
  ASSERT_TRUE(live->wait(0, long_ns));
  EXPECT_EQ(live->statistics().fetched_bytes, 8'000u + index_bytes(publisher));
  EXPECT_EQ(live->statistics().verified_bytes, 0u) << "it was checked on its way";
  EXPECT_TRUE(wait_until([&] { return live->statistics().connected; }));
}

TEST_F(subscribing, what_is_kept_is_not_fetched_again) {
  keep({{"a", text(3'000, 1)}, {"b", text(5'000, 2)}});
  const auto live = subscribe(nowhere());
  EXPECT_EQ(shown_now(*live, "a"), text(3'000, 1)) << "at once, without a publisher";
  EXPECT_EQ(live->statistics().fetched_bytes, 0u);
  EXPECT_FALSE(live->statistics().connected);
}

TEST_F(subscribing, on_demand_counts_reads_of_what_is_missing_and_what_was_fetched_for_them) {
  small_publisher publisher({}, hash_);
  const std::map<std::string, std::size_t> sizes = {{"a", 1'000}, {"b", 2'000}, {"c", 4'000}, {"d", 8'000}};
  for (const auto& [path, size] : sizes) publisher.edit(path, text(size, 1));
  served_channel served(publisher, clock_);
  served.publish();
  const auto live = subscribe(served.address(), "", true);
  ASSERT_TRUE(live->wait(0, long_ns));
  const auto index = index_bytes(publisher);
  EXPECT_EQ(live->statistics().fetched_bytes, index) << "no contents yet";
  const asset_handle a(*live, "a"), b(*live, "b"), c(*live, "c");
  view bytes;
  EXPECT_EQ(a.read_into(bytes), GRAPHITE_ERROR_NOT_READY);
  EXPECT_EQ(b.read_into(bytes), GRAPHITE_ERROR_NOT_READY);
  EXPECT_EQ(live->statistics().missing_parts, 2u);
  ASSERT_TRUE(live->fetch_wait(a.id(), long_ns));
  ASSERT_TRUE(live->fetch_wait(b.id(), long_ns));
  EXPECT_EQ(live->statistics().fetched_bytes, 3'000u + index);
  EXPECT_EQ(b.read().bytes(), text(2'000, 1));
  EXPECT_EQ(live->statistics().missing_parts, 2u) << "a read of what is here is none";
  EXPECT_FALSE(live->fetch_wait(c.id(), 0)) << "asked for, and not waited for";
  ASSERT_TRUE(live->fetch_wait(c.id(), long_ns));
  EXPECT_EQ(live->statistics().missing_parts, 2u) << "nor is waiting";
  live->fetch({a.id(), id_named("d")});
  EXPECT_TRUE(wait_until([&] {
    live->poll();
    return arrived_.size() >= 5;  // a is here already, which is told, too
  }));
  EXPECT_THAT(arrived_, testing::UnorderedElementsAre(a.id(), b.id(), c.id(), a.id(), id_named("d")));
  EXPECT_EQ(live->statistics().fetched_bytes, 15'000u + index);
}

TEST_F(subscribing, a_folder_of_another_channel_is_refused_and_stays_as_it_is) {
  keep({{"a", "of main"}});
  small_publisher publisher({"other", {}, epoch_number{9}}, hash_);
  publisher.edit("a", "of other");
  served_channel served(publisher, clock_);
  served.publish();
  try {
    (void)subscribe(served.address(), "other");
    FAIL() << "it was taken";
  } catch (const failure& e) {
    EXPECT_EQ(e.code(), GRAPHITE_ERROR_INVALID_ARGUMENT);
    EXPECT_THAT(e.what(), testing::AllOf(testing::HasSubstr(kept()), testing::HasSubstr("'main'"),
                                         testing::HasSubstr("'other'")));
  }
  const auto live = subscribe(nowhere(), "main");
  EXPECT_EQ(shown_now(*live, "a"), "of main");
}

TEST_F(subscribing, without_a_name_the_kept_channel_goes_on_and_heads_of_others_are_passed_over) {
  keep({{"a", "of main"}});
  static std::atomic<bool> said{false};
  said.store(false);
  graphite_set_log(
      [](graphite_log_level, const char* text, void*) {
        if (std::string_view(text).find("no channel 'main', only: other") != std::string_view::npos)
          said.store(true);
      },
      GRAPHITE_LOG_WARNING, nullptr);
  small_publisher publisher({"other", {}, epoch_number{9}}, hash_);
  publisher.edit("a", "of other");
  served_channel served(publisher, clock_);
  served.publish();
  const auto live = subscribe(served.address());
  EXPECT_TRUE(wait_until([&] { return said.load(); }));
  EXPECT_EQ(shown_now(*live, "a"), "of main");
  EXPECT_EQ(live->statistics().version, 1u);
  graphite_set_log(nullptr, GRAPHITE_LOG_DEBUG, nullptr);
}

TEST_F(subscribing, a_bundle_that_somebody_else_writes_is_refused_and_stays_as_it_is) {
  const bundle_on_disk disk(20);
  std::filesystem::create_directory_symlink(disk.path(), kept());
  const auto before = files_below(disk.path());
  try {
    (void)subscribe(nowhere());
    FAIL() << "it was taken";
  } catch (const failure& e) {
    EXPECT_EQ(e.code(), GRAPHITE_ERROR_ALREADY_EXISTS);
    EXPECT_THAT(e.what(), testing::HasSubstr(kept()));
  }
  EXPECT_EQ(files_below(disk.path()), before);
}

TEST_F(subscribing, a_child_of_fork_reads_what_it_inherited_and_ends) {
  small_publisher publisher({}, hash_);
  publisher.edit("a", "one");
  served_channel served(publisher, clock_);
  served.publish();
  const auto live = subscribe(served.address());
  ASSERT_TRUE(live->wait(0, long_ns));
  const asset_handle handle(*live, "a");
  signal_pipe swapped;
  forked child([&]() -> int {
    const auto reads = [&] { return shown_now(*live, "a") == "one" && handle.read().bytes() == "one"; };
    if (!reads()) return 100;
    if (const int wrong = refused_calls(live->get()); wrong != 0) return wrong;
    if (!swapped.take() || !reads()) return 101;
    graphite_hot_reload_shutdown(live->get());
    return 7;  // by _exit(): RocksDB's destructors would wait for a thread of the parent's
  });
  publisher.edit("a", "two");
  served.publish();
  ASSERT_TRUE(live->wait(1, long_ns));
  EXPECT_EQ(shown_now(*live, "a"), "two");
  ASSERT_TRUE(swapped.give());
  const auto status = child.status();
  ASSERT_TRUE(status) << "it hangs";
  EXPECT_TRUE(WIFEXITED(*status)) << *status;
  EXPECT_EQ(WEXITSTATUS(*status), 7);
  publisher.edit("a", "three");
  served.publish();
  ASSERT_TRUE(live->wait(2, long_ns)) << "the parent goes on";
  EXPECT_EQ(shown_now(*live, "a"), "three");
}

}  // namespace
}  // namespace graphite
