#include "cli/collector.hpp"

#include <gtest/gtest.h>

#include <future>

#include "platform/rocksdb/rocks_store.hpp"
#include "tests/cli/collector/cache_rows.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/store_bytes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite::test {
namespace {

constexpr std::uint64_t now_ms = 1'700'000'000'000;

class set_clock final : public clock_source {
 public:
  time_point now() const override { return {}; }
  std::int64_t unix_ns() const override { return static_cast<std::int64_t>(unix_ms) * 1'000'000; }
  std::uint64_t unix_ms = now_ms;
};

/// A channel that has published nothing.
class empty_archive final : public kept_archive {
 public:
  result<std::optional<state>> newest() override { return std::nullopt; }
  result<index_tree> open(const digest&, page_location) override { return fail(errc::not_found, "empty"); }
  index_tree empty_tree() override { std::abort(); }
  result<page_location> write(const index_tree&, const head&) override { return fail(errc::io, "empty"); }
  result<std::vector<state>> kept() override { return std::vector<state>(); }
  bool refers_to(segment_id) const override { return false; }
  bool wants_rewrite(std::uint64_t) const override { return false; }
  result<void> rewrite() override { return {}; }
  std::string folder() const override { return {}; }
};

/// Many builds of a command, each of a new state of its input, over a real store.
class collector_test : public testing::Test {
 protected:
  static constexpr std::uint64_t output_bytes = 100'000, bound = 1'000'000;

  void open() {
    close();
    rows_ = std::move(rocks_store::open({.folder = folder_ / "db"}, log_).value());
    segment_store_options options;
    options.folder = folder_ / "segments";
    options.segment_bytes = 1 << 20;
    contents_ = std::move(segment_store::open(options, *rows_, hash_, log_).value());
    collector_options how;
    how.grown_bytes_min = 1 << 20;
    how.segment_bytes_min = 1;
    how.cache = {bound, 30};
    collector_ = std::make_unique<collector>(
        collector::ports{
            *contents_, *rows_, {&archive_}, [] { return true; }, [] {}, [this] { rest(); }, clock_, log_},
        how);
  }
  void close() {
    collector_.reset();
    contents_.reset();
    rows_.reset();
  }
  void TearDown() override { close(); }

  void rest() {
    collector_->at_rest([this] { return held_; });
  }
  std::string name(int i) { return "state " + std::to_string(i); }
  void build(int i) {
    clock_.unix_ms += 1'000;
    const auto content = make_content(i, output_bytes);
    ASSERT_TRUE(contents_->put(content.bytes, content.chunks));
    ASSERT_TRUE(rows_->write({cache_row_of(name(i), {content.ref}, clock_.unix_ms)},
                             key_value_store::durability::lazy));
    rest();
    collector_->wait();
  }
  bool stored(int i) {
    const auto found = contents_->find(make_content(i, output_bytes).ref.id);
    return found && *found;
  }
  result<gc_report> ask(gc_request request) {
    std::promise<result<gc_report>> answer;
    collector_->ask(request, [&](result<gc_report> how) { answer.set_value(std::move(how)); });
    return answer.get_future().get();
  }

  temporary_folder folder_;
  recording_log log_;
  openssl_hasher hash_;
  set_clock clock_;
  empty_archive archive_;
  std::vector<digest> held_;
  std::unique_ptr<rocks_store> rows_;
  std::unique_ptr<segment_store> contents_;
  std::unique_ptr<collector> collector_;
};

TEST_F(collector_test, many_builds_stay_within_bounds_and_dead_segments_are_unlinked) {
  open();
  std::uint64_t most = 0;
  for (int i = 0; i < 100; ++i) {
    if (i == 50) open();
    build(i);
    most = std::max(most, contents_->usage().file_bytes);
  }
  // A quarter of a segment lives at least, and as much again as lives gathers before the next round.
  EXPECT_LT(most, 2 * 4 * bound) << "10 MB were built";
  EXPECT_FALSE(std::filesystem::exists(contents_->segment_path(segment_id{1})));
  EXPECT_FALSE(has_row(*rows_, name(0)) || stored(0));
  EXPECT_TRUE(has_row(*rows_, name(99)) && stored(99));
  for (int i = 0; i < 100; ++i) {
    if (has_row(*rows_, name(i))) {
      EXPECT_TRUE(stored(i)) << "a result within the bound is still a hit: " << i;
    }
  }
}

TEST_F(collector_test, what_was_asked_for_keeps_what_waits_to_be_shown_and_no_more) {
  open();
  for (int i = 0; i < 8; ++i) build(i);
  held_ = {make_content(3, output_bytes).ref.id};
  const auto would = ask({0, true});
  ASSERT_TRUE(would);
  EXPECT_EQ(would->results_dropped, 7u);
  EXPECT_EQ(would->freed_bytes, 0u);
  EXPECT_TRUE(has_row(*rows_, name(0)));
  const auto done = ask({0, false});
  ASSERT_TRUE(done) << done.error().context;
  EXPECT_EQ(done->results, 8u);
  EXPECT_EQ(done->results_dropped, 7u);
  EXPECT_EQ(done->cache_bytes_dropped, 7 * output_bytes);
  EXPECT_EQ(done->segments_removed, 1u);
  EXPECT_GT(done->freed_bytes, 7 * output_bytes);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(stored(i), i == 3) << i;
  EXPECT_TRUE(has_row(*rows_, name(3)));
}

TEST_F(collector_test, who_asked_is_told_when_it_ends_before_the_next_rest) {
  open();
  std::optional<error> told;
  collector busy({*contents_, *rows_, {&archive_}, [] { return true; }, [] {}, [] {}, clock_, log_}, {});
  busy.ask({}, [&](const result<gc_report>& how) { told = how.error(); });
  std::optional<error> second;
  busy.ask({}, [&](const result<gc_report>& how) { second = how.error(); });
  EXPECT_EQ(second->code, errc::busy);
  EXPECT_FALSE(told);
  busy.stop();
  EXPECT_EQ(told->code, errc::unavailable);
}

TEST_F(collector_test, a_round_that_looks_at_many_assets_waits_for_as_many_generations) {
  open();
  collector_options how;
  how.generations = 4;
  how.assets_a_generation = 10;
  int rounds = 0;
  collector counting(
      {*contents_, *rows_, {&archive_}, [&] { return ++rounds > 0; }, [] {}, [] {}, clock_, log_}, how);
  const auto publish = [&](int generations, std::uint64_t assets) {
    for (int i = 0; i < generations; ++i) {
      counting.generation(assets);
      counting.at_rest([] { return std::vector<digest>(); });
      counting.wait();
    }
  };
  publish(4, 9);
  EXPECT_EQ(rounds, 1);
  publish(103, 1000);
  EXPECT_EQ(rounds, 1);
  publish(1, 1000);
  EXPECT_EQ(rounds, 2);
}

TEST_F(collector_test, a_result_that_is_found_while_it_collects_is_not_broken) {
  open();
  for (int i = 0; i < 8; ++i) build(i);
  bool once = false;
  // The rest of the graph ends as soon as a round has begun: a build finds a result.
  held_ = {};
  collector racing({*contents_,
                    *rows_,
                    {&archive_},
                    [&] {
                      once = stored(5);
                      return true;
                    },
                    [] {},
                    [] {},
                    clock_,
                    log_},
                   {});
  std::promise<void> ended;
  racing.ask({0, false}, [&](const result<gc_report>&) { ended.set_value(); });
  racing.at_rest([] { return std::vector<digest>(); });
  ended.get_future().wait();
  EXPECT_TRUE(once);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(stored(i), i == 5) << i;
}

}  // namespace
}  // namespace graphite::test
