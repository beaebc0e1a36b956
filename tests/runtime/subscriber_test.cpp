#include "runtime/subscriber.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "platform/crypto/sha256.hpp"
#include "relay/chunk_service.hpp"
#include "runtime/tree_index.hpp"
#include "tests/live_swap/small_publisher.hpp"
#include "tests/runtime/memory_sink.hpp"

namespace graphite {
namespace {

/// A subscriber wired to a relay in memory. Time moves only by advance(); replies arrive by run().
class rig {
 public:
  /// Sees each reply before it is delivered; nothing: it is lost.
  using tamper = std::function<std::optional<chunk_reply>(const chunk_request&, chunk_reply)>;

  explicit rig(const hasher& hash, subscriber_memory memory = {}, std::string channel = {})
      : sink(hash),
        index(hash, nullptr),
        core(make_options(std::move(channel)), hash, sink, index, index.empty_root(), std::move(memory)) {}

  static subscriber_options make_options(std::string channel) {
    subscriber_options out;
    out.channel = std::move(channel);
    out.fetch.credit_bytes = 256 * KiB;
    return out;
  }
  void serve(test::small_publisher& publisher, std::uint8_t incarnation = 1) {
    publisher_ = &publisher;
    who_.value.bytes.fill(incarnation);
  }
  void beat() {
    obey(core.on_heartbeat(publisher_->beat(7403, who_), at()));
    run();
  }
  void hear(const announcement& message) {
    obey(core.on_announcement(message, at()));
    run();
  }
  void hear_only(const announcement& message) { obey(core.on_announcement(message, at())); }
  /// Answers until nothing is asked any more.
  void run() {
    const chunk_service service(publisher_->sources());
    for (int i = 0; i < 10'000 && !requests.empty(); ++i) {
      const send_request request = requests.front();
      requests.pop_front();
      std::optional<chunk_reply> reply = service.answer(request.request);
      if (meddle) reply = meddle(request.request, std::move(*reply));
      if (reply) obey(core.on_reply(request.id, reply, at()));
    }
  }
  void advance(duration by) {
    const time_point end = now + by;
    for (int i = 0; i < 10'000 && now < end; ++i) {
      now = std::min(end, std::max(core.next_deadline(), now + milliseconds(1)));
      obey(core.on_tick(at()));
      run();
    }
  }
  instant at() const { return {now, 1'700'000'000'000'000'000}; }

  test::memory_sink sink;
  tree_index index;
  subscriber core;
  std::deque<send_request> requests;
  std::vector<generation_swapped> swaps;
  std::vector<std::optional<behind_list>> told;
  std::vector<std::string> said;
  std::optional<error> gave_up;
  int connects = 0;
  tamper meddle;
  time_point now{seconds(1000)};

 private:
  void obey(const subscriber::commands& commands) {
    for (const auto& command : commands) {
      if (const auto* c = std::get_if<send_request>(&command)) requests.push_back(*c);
      if (const auto* c = std::get_if<generation_swapped>(&command)) swaps.push_back(*c);
      if (const auto* c = std::get_if<behind_told>(&command)) told.push_back(c->behind);
      if (const auto* c = std::get_if<say>(&command)) said.push_back(c->text);
      if (const auto* c = std::get_if<give_up>(&command)) gave_up = c->why;
      if (std::holds_alternative<connect_chunk_port>(command)) {
        ++connects;
        requests.clear();
      }
    }
  }
  test::small_publisher* publisher_ = nullptr;
  incarnation_id who_;
};

class subscriber_test : public ::testing::Test {
 protected:
  std::string text(std::size_t bytes) {
    std::string out(bytes, ' ');
    for (auto& c : out) c = static_cast<char>(rng_());
    return out;
  }
  bool shows(const rig& r, const test::small_publisher& p) { return r.sink.shown == p.files(); }

  openssl_hasher hash_;
  std::mt19937_64 rng_{3};
  test::small_publisher publisher_{{}, hash_};
};

TEST_F(subscriber_test, an_inline_announcement_needs_no_question) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  const auto first = publisher_.publish();
  r.beat();
  ASSERT_TRUE(shows(r, publisher_));
  (void)first;
  publisher_.edit("a", text(16 * 1024));
  publisher_.edit("b", text(100));
  r.hear_only(publisher_.publish());
  EXPECT_TRUE(r.requests.empty());
  EXPECT_TRUE(shows(r, publisher_));
  EXPECT_EQ(r.swaps.back().bytes_fetched, 16u * 1024 + 100);
}

TEST_F(subscriber_test, a_gap_is_closed_from_the_snapshot) {
  rig r(hash_);
  r.serve(publisher_);
  for (int i = 0; i < 500; ++i) publisher_.edit("f" + std::to_string(i), text(50));
  publisher_.publish();
  r.beat();
  ASSERT_TRUE(shows(r, publisher_));
  publisher_.edit("f7", "changed unheard");
  publisher_.publish();
  publisher_.edit("f9", std::nullopt);
  r.hear(publisher_.publish());  // its base is not here: pages are compared
  EXPECT_TRUE(shows(r, publisher_));
  EXPECT_LT(r.swaps.back().bytes_fetched, 30'000u);  // not the whole index again
  publisher_.edit("f10", text(100));
  publisher_.publish();
  r.beat();
  EXPECT_TRUE(shows(r, publisher_));
}

TEST_F(subscriber_test, old_and_repeated_heads_change_nothing) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  const auto first = publisher_.publish();
  publisher_.edit("a", "two");
  const auto second = publisher_.publish();
  r.beat();
  const auto swaps = r.swaps.size();
  r.hear(first);
  r.hear(second);
  r.hear(second);
  EXPECT_EQ(r.swaps.size(), swaps);
  EXPECT_TRUE(shows(r, publisher_));
}

TEST_F(subscriber_test, a_lineage_never_falls_even_after_another_one) {
  rig r(hash_);
  r.serve(publisher_, 1);
  publisher_.edit("a", "one");
  publisher_.publish();
  publisher_.edit("a", "two");
  publisher_.publish();
  r.beat();
  test::small_publisher::options other{"main", {}, epoch_number{1}};
  other.lineage.value.bytes.fill(9);
  test::small_publisher second(other, hash_);
  second.edit("a", "of another state");
  second.publish();
  r.serve(second, 2);
  r.beat();
  EXPECT_TRUE(shows(r, second));
  test::small_publisher replay({}, hash_);
  replay.edit("a", "one");
  const auto old = replay.publish();  // sequence 1 of the first lineage
  r.serve(replay, 3);
  r.hear(old);
  r.beat();
  EXPECT_TRUE(shows(r, second));
}

TEST_F(subscriber_test, a_head_from_the_far_future_is_refused) {
  rig r(hash_);
  test::small_publisher future({"main", {}, epoch_number{1'700'000'000 + 100'000}}, hash_);
  future.edit("a", "tomorrow");
  r.serve(future);
  future.publish();
  r.beat();
  EXPECT_TRUE(r.swaps.empty());
  EXPECT_FALSE(r.said.empty());
}

TEST_F(subscriber_test, a_false_root_shows_nothing_of_the_announcement) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  publisher_.edit("a", "two");
  publisher_.edit("b", "three");
  announcement lie = publisher_.publish();
  lie.upserts.pop_back();  // the changes do not give the root any more
  r.hear(lie);
  EXPECT_TRUE(shows(r, publisher_));  // by pages
  for (const auto& now : r.sink.swaps) EXPECT_LE(now.sequence.value, 2u);
}

TEST_F(subscriber_test, corrupt_chunks_are_fetched_again) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("small", text(60'000));
  publisher_.edit("large", text(2'000'000));
  publisher_.publish();
  int bad = 4;
  r.meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (std::holds_alternative<contents_request>(request) && !reply.frames.empty() && bad-- > 0)
      reply.frames.back()[reply.frames.back().size() / 2] ^= std::byte{1};
    return reply;
  };
  r.beat();
  r.advance(seconds(10));
  EXPECT_TRUE(shows(r, publisher_));
}

TEST_F(subscriber_test, a_relay_that_always_lies_costs_bounded_retries) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("small", text(60'000));
  publisher_.publish();
  int asked = 0;
  r.meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (std::holds_alternative<contents_request>(request)) ++asked;
    for (auto& frame : reply.frames) frame[0] ^= std::byte{1};
    return reply;
  };
  r.beat();
  for (int i = 0; i < 40; ++i) {
    r.advance(milliseconds(500));
    r.beat();
  }
  EXPECT_TRUE(r.swaps.empty());
  EXPECT_LT(asked, 60);
  r.meddle = nullptr;
  r.advance(seconds(3));
  r.beat();
  r.advance(seconds(3));
  EXPECT_TRUE(shows(r, publisher_));
}

TEST_F(subscriber_test, lost_replies_are_asked_for_again) {
  rig r(hash_);
  r.serve(publisher_);
  for (int i = 0; i < 300; ++i) publisher_.edit("f" + std::to_string(i), text(i * 500));
  publisher_.publish();
  r.meddle = [&](const chunk_request&, chunk_reply reply) -> std::optional<chunk_reply> {
    if (rng_() % 3 == 0) return std::nullopt;
    return reply;
  };
  r.beat();
  for (int i = 0; i < 600 && !shows(r, publisher_); ++i) {
    r.advance(milliseconds(500));
    r.beat();
  }
  EXPECT_TRUE(shows(r, publisher_)) << r.core.bytes_missing();
}

TEST_F(subscriber_test, a_silent_chunk_port_is_connected_anew) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  publisher_.publish();
  r.meddle = [](const chunk_request&, chunk_reply) { return std::nullopt; };
  r.beat();
  const int before = r.connects;
  for (int i = 0; i < 60; ++i) {
    r.advance(milliseconds(500));
    r.beat();
  }
  EXPECT_GT(r.connects, before);
  EXPECT_LE(r.connects, before + 15);
}

TEST_F(subscriber_test, replies_that_do_not_fit_are_survived) {
  rig r(hash_);
  r.serve(publisher_);
  for (int i = 0; i < 50; ++i) publisher_.edit("f" + std::to_string(i), text(i * 3000));
  publisher_.publish();
  int bad = 60;
  r.meddle = [&](const chunk_request&, chunk_reply reply) -> std::optional<chunk_reply> {
    if (bad-- <= 0) return reply;
    switch (rng_() % 5) {
      case 0:
        return chunk_reply{ack_reply{}, {}};
      case 1:
        return chunk_reply{contents_reply{}, {}};
      case 2:
        return chunk_reply{pages_reply{}, {}};
      case 3:
        return chunk_reply{refusal{errc::busy, "not now"}, {}};
      default:
        return chunk_reply{contents_reply{{{false, 4'000'000'000u}}}, {byte_vector(10)}};
    }
  };
  r.beat();
  for (int i = 0; i < 300 && !shows(r, publisher_); ++i) {
    r.advance(milliseconds(500));
    r.beat();
  }
  EXPECT_TRUE(shows(r, publisher_));
}

TEST_F(subscriber_test, a_started_generation_is_finished_unless_the_newest_needs_fewer_bytes) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "start");
  publisher_.publish();
  r.beat();
  publisher_.edit("big", text(500'000));
  r.hear_only(publisher_.publish());  // sequence 2: its bytes are asked for, nothing has come
  publisher_.edit("a", "small edit");
  r.hear_only(publisher_.publish());  // 3 needs as much: waits
  EXPECT_EQ(r.sink.swaps.back().sequence.value, 1u);
  publisher_.edit("big", std::nullopt);
  r.hear_only(publisher_.publish());  // 4 needs nothing more: taken at once
  EXPECT_EQ(r.sink.swaps.back().sequence.value, 4u);
  EXPECT_TRUE(shows(r, publisher_));
  publisher_.edit("big", text(500'000));
  r.hear_only(publisher_.publish());  // 5
  publisher_.edit("a", "another");
  r.hear_only(publisher_.publish());  // 6
  r.run();
  std::vector<std::uint64_t> seen;
  for (const auto& now : r.sink.swaps) seen.push_back(now.sequence.value);
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 4, 5, 6}));
  EXPECT_TRUE(shows(r, publisher_));
}

TEST_F(subscriber_test, small_contents_overtake_large_ones) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("big", text(3'000'000));
  for (int i = 0; i < 10; ++i) publisher_.edit("small" + std::to_string(i), text(40'000));
  publisher_.publish();
  bool large_asked = false;
  r.meddle = [&](const chunk_request& request, chunk_reply reply) {
    if (const auto* contents = std::get_if<contents_request>(&request))
      for (const auto& range : contents->ranges) {
        if (range.count > 0)
          large_asked = true;
        else
          EXPECT_FALSE(large_asked);
      }
    return std::optional(std::move(reply));
  };
  r.beat();
  EXPECT_TRUE(large_asked);
  EXPECT_TRUE(shows(r, publisher_));
}

TEST_F(subscriber_test, unchanged_chunks_are_copied_and_checked) {
  rig r(hash_);
  r.serve(publisher_);
  std::string big = text(4'000'000);
  publisher_.edit("big", big);
  publisher_.publish();
  r.beat();
  const content_ref old = publisher_.store().add(as_bytes(big));
  big[2'000'000] ^= 1;
  publisher_.edit("big", big);
  r.sink.damage(old);  // its first chunk is not what it was
  r.hear(publisher_.publish());
  EXPECT_TRUE(shows(r, publisher_));
  EXPECT_LT(r.swaps.back().bytes_fetched, 800'000u);
}

TEST_F(subscriber_test, a_full_disk_is_retried) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  r.sink.failures_left = 3;
  publisher_.edit("a", "two");
  r.hear(publisher_.publish());
  EXPECT_FALSE(shows(r, publisher_));
  for (int i = 0; i < 20; ++i) {
    r.advance(milliseconds(500));
    r.beat();
  }
  EXPECT_TRUE(shows(r, publisher_));
}

TEST_F(subscriber_test, a_generation_that_can_never_be_shown_does_not_keep_back_the_next) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  r.sink.never_shown = "bad";
  publisher_.edit("bad", "x");
  r.hear(publisher_.publish());
  publisher_.edit("bad", std::nullopt);
  publisher_.edit("a", "two");
  r.hear(publisher_.publish());
  for (int i = 0; i < 20; ++i) {
    r.advance(milliseconds(500));
    r.beat();
  }
  EXPECT_TRUE(shows(r, publisher_));
}

TEST_F(subscriber_test, contents_that_are_gone_do_not_wedge_it) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", text(50'000));
  publisher_.edit("b", text(50'000));
  publisher_.publish();
  publisher_.store().forget(publisher_.store().add(as_bytes(publisher_.files().at("a"))).id);
  r.beat();
  EXPECT_TRUE(r.swaps.empty());
  publisher_.edit("a", text(50'000));
  publisher_.publish();
  for (int i = 0; i < 10; ++i) {
    r.advance(milliseconds(500));
    r.beat();
  }
  EXPECT_TRUE(shows(r, publisher_));
}

TEST_F(subscriber_test, a_restarted_publisher_is_asked_at_once) {
  rig r(hash_);
  r.serve(publisher_, 1);
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  publisher_.edit("big", text(300'000));
  r.hear_only(publisher_.publish());  // questions that nobody will answer
  test::small_publisher again({"main", {}, epoch_number{2}}, hash_);
  again.edit("a", "two");
  again.publish();
  r.serve(again, 2);
  r.beat();
  r.advance(heartbeat::period);
  r.beat();
  r.advance(heartbeat::period);
  EXPECT_TRUE(shows(r, again));
}

TEST_F(subscriber_test, several_channels_need_a_choice) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  publisher_.publish();
  heartbeat two = publisher_.beat(7403, {});
  two.channels.push_back(two.channels[0]);
  two.channels[1].channel = "other";
  const auto commands = r.core.on_heartbeat(two, r.at());
  EXPECT_TRUE(std::any_of(commands.begin(), commands.end(),
                          [](const auto& c) { return std::holds_alternative<give_up>(c); }));
}

TEST_F(subscriber_test, random_histories_converge_and_never_show_a_mix) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    rng_.seed(seed);
    test::small_publisher publisher({}, hash_);
    rig r(hash_);
    r.serve(publisher);
    std::map<std::uint64_t, std::map<std::string, std::string>> history;
    r.meddle = [&](const chunk_request&, chunk_reply reply) -> std::optional<chunk_reply> {
      if (rng_() % 10 == 0) return std::nullopt;
      if (rng_() % 10 == 0 && !reply.frames.empty() && !reply.frames[0].empty())
        reply.frames[0][0] ^= std::byte{8};
      return reply;
    };
    for (int step = 0; step < 60; ++step) {
      const std::string path = "f" + std::to_string(rng_() % 12);
      if (rng_() % 6 == 0 && publisher.files().contains(path))
        publisher.edit(path, std::nullopt);
      else
        publisher.edit(path, text(rng_() % 5 == 0 ? 150'000 : rng_() % 3000));
      const auto told = publisher.publish();
      history[publisher.newest()->sequence.value] = publisher.files();
      if (rng_() % 4 != 0) r.hear_only(told);
      if (rng_() % 3 == 0) r.run();
      if (rng_() % 8 == 0) r.beat();
      if (rng_() % 3 == 0) r.advance(milliseconds(rng_() % 300));
      if (!r.sink.swaps.empty()) {
        EXPECT_EQ(r.sink.shown, history[r.sink.swaps.back().sequence.value]) << "seed " << seed;
      }
    }
    for (int i = 0; i < 100 && !shows(r, publisher); ++i) {
      r.beat();
      r.advance(milliseconds(500));
    }
    EXPECT_TRUE(shows(r, publisher)) << "seed " << seed;
    for (std::size_t i = 1; i < r.sink.swaps.size(); ++i)
      EXPECT_TRUE(r.sink.swaps[i].newer_than(r.sink.swaps[i - 1]));
  }
}

behind_list one_failed(const std::string& message) {
  return {1, {{*logical_path::parse("broken.png"), behind_asset::why::failed, message}}};
}

TEST_F(subscriber_test, what_is_behind_follows_the_swap) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  ASSERT_EQ(r.swaps.size(), 1u);
  EXPECT_EQ(r.swaps[0].behind.value().count, 0u);
  EXPECT_TRUE(r.told.empty());

  publisher_.set_behind(one_failed("no such colour"));
  r.hear_only(publisher_.publish());  // nothing but `behind` is new
  ASSERT_EQ(r.swaps.size(), 2u);      // it waits for nothing
  EXPECT_TRUE(r.swaps[1].changed.empty());
  EXPECT_FALSE(r.swaps[1].behind);
  r.run();
  ASSERT_EQ(r.told.size(), 1u);
  EXPECT_EQ(r.told[0].value().listed.at(0).message, "no such colour");

  publisher_.edit("a", "two");
  r.hear_only(publisher_.publish());  // the same list: it is known
  ASSERT_EQ(r.swaps.size(), 3u);
  EXPECT_EQ(r.swaps[2].behind.value().count, 1u);
  publisher_.set_behind({});
  r.hear(publisher_.publish());
  EXPECT_EQ(r.swaps.back().behind.value().count, 0u);
  EXPECT_EQ(r.told.size(), 1u);
}

TEST_F(subscriber_test, a_list_of_what_is_behind_that_lies_is_not_told) {
  rig r(hash_);
  r.serve(publisher_);
  r.meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (std::holds_alternative<behind_request>(request)) reply.frames.front().back() ^= std::byte{1};
    return reply;
  };
  publisher_.set_behind(one_failed("x"));
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  r.advance(seconds(3));
  ASSERT_EQ(r.swaps.size(), 1u);
  ASSERT_EQ(r.told.size(), 1u);  // once, and it says that it is not known
  EXPECT_FALSE(r.told[0]);
  EXPECT_TRUE(r.requests.empty());
}

TEST_F(subscriber_test, an_unanswered_question_for_what_is_behind_ends) {
  rig r(hash_);
  r.serve(publisher_);
  int asked = 0;
  r.meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (!std::holds_alternative<behind_request>(request)) return reply;
    ++asked;
    return std::nullopt;
  };
  publisher_.edit("a", "one");
  publisher_.set_behind(one_failed("x"));
  publisher_.publish();
  r.beat();
  EXPECT_EQ(r.swaps.size(), 1u);
  r.advance(seconds(10));
  ASSERT_EQ(r.told.size(), 1u);
  EXPECT_FALSE(r.told[0]);
  EXPECT_LE(asked, 6);
}

TEST_F(subscriber_test, a_damaged_index_is_reported_for_healing) {
  subscriber_memory memory;
  memory.active.emplace();
  memory.active->channel = "main";
  memory.active->lineage.value.bytes.fill(1);
  memory.active->epoch.value = 1;
  memory.active->root.bytes.fill(9);  // of an index that is not here
  rig r(hash_, memory);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  r.advance(seconds(1));
  ASSERT_TRUE(r.gave_up);
  EXPECT_EQ(r.gave_up->code, errc::corrupt);
}

}  // namespace
}  // namespace graphite
