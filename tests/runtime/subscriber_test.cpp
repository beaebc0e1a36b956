#include "tests/runtime/subscriber_rig.hpp"

namespace graphite {
namespace {

using test::rig;
using test::subscriber_test;

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

TEST_F(subscriber_test, a_new_lineage_is_taken_and_said_with_both_names) {
  rig r(hash_);
  r.serve(publisher_, 1);
  publisher_.edit("a", "one");
  publisher_.publish();
  r.beat();
  const auto told = [&r] {
    std::vector<std::string> out;
    for (const auto& text : r.said)
      if (text.find("lineage") != std::string::npos) out.push_back(text);
    return out;
  };
  EXPECT_TRUE(told().empty()) << "the first lineage is no new one";
  test::small_publisher::options other{"main", {}, epoch_number{1}};
  other.lineage.value.bytes.fill(9);
  test::small_publisher second(other, hash_);
  second.edit("a", "of a state made anew");
  second.publish();
  r.serve(second, 2);
  r.beat();
  EXPECT_TRUE(shows(r, second));
  ASSERT_EQ(told().size(), 1u);
  EXPECT_EQ(told()[0], fmt::format("the publisher's state is new: lineage {} instead of {}",
                                   to_string(second.newest()->lineage.value),
                                   to_string(publisher_.newest()->lineage.value)));
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
  const content_ref old = add_content(publisher_.store(), as_bytes(big), hash_);
  big[2'000'000] ^= 1;
  publisher_.edit("big", big);
  r.sink.damage(old);  // its first chunk is not what it was
  r.hear(publisher_.publish());
  EXPECT_TRUE(shows(r, publisher_));
  EXPECT_LT(r.swaps.back().bytes_fetched, 800'000u);
}

/// Raw bytes of contents that the relay sends.
rig::tamper count_sent(std::uint64_t& bytes) {
  return [&bytes](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (std::holds_alternative<contents_request>(request))
      for (const auto& frame : reply.frames) bytes += frame.size();
    return reply;
  };
}

TEST_F(subscriber_test, equal_chunks_of_a_content_are_fetched_once) {
  rig r(hash_);
  r.serve(publisher_);
  std::uint64_t sent = 0;
  r.meddle = count_sent(sent);
  const std::string middle = text(1 << 19);
  const std::string zeros(6 << 20, 0);
  publisher_.edit("disk.img", zeros + middle + zeros + middle);
  publisher_.publish();
  r.beat();
  r.advance(seconds(1));
  ASSERT_TRUE(shows(r, publisher_));
  // Chunks of zeros, those that are partly zeros around the middle, and the middle itself.
  EXPECT_LT(sent, 2u << 20);
  EXPECT_GE(sent, middle.size());
  EXPECT_LT(r.swaps.back().bytes_fetched, 2u << 20);
}

TEST_F(subscriber_test, a_content_that_was_cut_off_goes_on_where_the_attempt_before_came_to) {
  std::map<digest, byte_vector> left;
  publisher_.edit("disk.img", text(8 << 20));
  publisher_.publish();
  std::uint64_t sent = 0;
  {
    rig r(hash_);
    r.sink.left = &left;
    r.serve(publisher_);
    r.meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
      if (sent > 5u << 20) return std::nullopt;
      return count_sent(sent)(request, std::move(reply));
    };
    r.beat();
  }
  ASSERT_EQ(left.size(), 1u);
  auto& bytes = left.begin()->second;
  ASSERT_GT(bytes.size(), 4u << 20);
  for (const bool damaged : {false, true}) {
    if (damaged) bytes[2 << 20] ^= std::byte{1};
    const auto good = damaged ? std::size_t{2} << 20 : bytes.size();
    rig r(hash_);
    r.sink.left = &left;
    r.serve(publisher_);
    sent = 0;
    r.meddle = count_sent(sent);
    r.beat();
    r.advance(seconds(1));
    ASSERT_TRUE(shows(r, publisher_));
    EXPECT_LT(sent, (8u << 20) - good + (1u << 20)) << damaged;
    EXPECT_GE(sent, (8u << 20) - good) << damaged;
  }
}

TEST_F(subscriber_test, what_is_left_of_a_content_that_nobody_wants_any_more_is_forgotten) {
  std::map<digest, byte_vector> left;
  publisher_.edit("disk.img", text(8 << 20));
  publisher_.publish();
  rig r(hash_);
  r.sink.left = &left;
  r.serve(publisher_);
  std::uint64_t sent = 0;
  bool cut = true;
  r.meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (cut && sent > 5u << 20) return std::nullopt;
    return count_sent(sent)(request, std::move(reply));
  };
  r.beat();
  cut = false;
  publisher_.edit("disk.img", "another");
  r.hear(publisher_.publish());
  r.advance(seconds(30));
  EXPECT_TRUE(shows(r, publisher_));
  EXPECT_TRUE(left.empty());
}

TEST_F(subscriber_test, a_chunk_that_went_bad_where_it_was_appended_is_fetched_again) {
  rig r(hash_);
  r.serve(publisher_);
  std::uint64_t sent = 0;
  r.meddle = count_sent(sent);
  r.sink.partial_reads_go_bad = true;
  const std::string twice = text(3 << 20);
  publisher_.edit("twice", twice + twice);
  publisher_.publish();
  r.beat();
  r.advance(seconds(5));
  ASSERT_TRUE(shows(r, publisher_));
  EXPECT_GT(sent, 5u << 20);
  EXPECT_LE(sent, 2 * twice.size()) << "each place is fetched once";
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

TEST_F(subscriber_test, swaps_that_never_pause_do_not_put_off_the_ack) {
  rig r(hash_);
  r.serve(publisher_);
  int acks = 0;
  r.meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (std::holds_alternative<ack_request>(request)) ++acks;
    return reply;
  };
  r.beat();
  for (int i = 0; i < 1000; ++i) {  // a swap each 20 ms for 20 s
    publisher_.edit("a", std::to_string(i));
    r.hear(publisher_.publish());
    if (i % 25 == 0) r.beat();
    r.advance(milliseconds(20));
  }
  EXPECT_GE(acks, 3);
  EXPECT_LE(acks, 6);  // and they are no burden: one each ack_period
}

}  // namespace
}  // namespace graphite
