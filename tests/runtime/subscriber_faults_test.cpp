#include "tests/runtime/subscriber_rig.hpp"

namespace graphite {
namespace {

using test::rig;
using test::subscriber_test;

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
  publisher_.store().remove(add_content(publisher_.store(), as_bytes(publisher_.files().at("a")), hash_).id);
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

TEST_F(subscriber_test, a_head_that_miscounts_its_assets_is_not_shown_and_not_asked_for_again) {
  rig r(hash_);
  r.serve(publisher_);
  publisher_.edit("a", "one");
  publisher_.publish();
  int asked = 0;
  r.meddle = [&](const chunk_request& request, chunk_reply reply) -> std::optional<chunk_reply> {
    if (!std::holds_alternative<snapshot_request>(request)) return reply;
    ++asked;
    auto lie = decode_head(reply.frames.front(), hash_).value();
    if (lie.value.sequence.value > 1) return reply;
    lie.value.assets = 2;
    reply.frames.front() = encode_head(lie, hash_).value();
    return reply;
  };
  for (int i = 0; i < 20; ++i) {
    r.beat();
    r.advance(milliseconds(500));
  }
  EXPECT_TRUE(r.swaps.empty());
  EXPECT_LE(asked, 2);
  EXPECT_TRUE(std::any_of(r.said.begin(), r.said.end(), [](const std::string& text) {
    return text.find("the head says 2 assets, its index has 1") != std::string::npos;
  }));
  publisher_.edit("a", "two");
  publisher_.publish();
  r.beat();
  r.advance(seconds(1));
  EXPECT_TRUE(shows(r, publisher_)) << "a newer generation is taken";
}

TEST_F(subscriber_test, a_restarted_publisher_is_asked_at_once) {
  rig r(hash_);
  r.one_publisher = false;
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
