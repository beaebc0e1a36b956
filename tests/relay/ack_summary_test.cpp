#include "relay/ack_summary.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

ack_request ack_of(std::uint8_t who, std::uint64_t sequence, std::string channel = "main") {
  ack_request out;
  out.who.value.bytes.fill(who);
  out.name = "host:" + std::to_string(who);
  out.channel = std::move(channel);
  out.active_epoch = out.accepted_epoch = epoch_number{7};
  out.active_sequence = out.accepted_sequence = sequence_number{sequence};
  return out;
}

constexpr time_point start{seconds(100)};

TEST(ack_summary, counts_who_has_exactly_a_generation) {
  ack_summary summary({});
  summary.note(ack_of(1, 5), start);
  summary.note(ack_of(2, 5), start);
  summary.note(ack_of(3, 4), start);
  summary.note(ack_of(4, 5, "other"), start);
  EXPECT_EQ(summary.active("main", epoch_number{7}, sequence_number{5}), 2u);
  EXPECT_EQ(summary.active("main", epoch_number{7}, sequence_number{4}), 1u);
  EXPECT_EQ(summary.active("main", epoch_number{6}, sequence_number{5}), 0u);
  EXPECT_EQ(summary.followers("main"), 3u);
  EXPECT_EQ(summary.followers("other"), 1u);
  EXPECT_EQ(summary.followers("none"), 0u);
}

TEST(ack_summary, the_latest_word_of_a_node_counts) {
  ack_summary summary({});
  summary.note(ack_of(1, 5), start);
  summary.note(ack_of(1, 6), start + seconds(1));
  ASSERT_EQ(summary.peers().size(), 1u);
  EXPECT_EQ(summary.peers()[0].last.active_sequence, sequence_number{6});
  EXPECT_EQ(summary.peers()[0].heard, start + seconds(1));
  summary.note(ack_of(1, 1, "other"), start + seconds(2));  // it follows something else now
  EXPECT_EQ(summary.followers("main"), 0u);
}

TEST(ack_summary, the_silent_are_forgotten_and_may_come_back) {
  ack_summary summary({.peers_max = 8, .expiry = seconds(10)});
  summary.note(ack_of(1, 5), start);
  summary.note(ack_of(2, 5), start + seconds(5));
  summary.expire(start + seconds(10));
  EXPECT_EQ(summary.peers().size(), 2u);  // not longer than the expiry
  summary.expire(start + seconds(11));
  ASSERT_EQ(summary.peers().size(), 1u);
  EXPECT_EQ(summary.peers()[0].last.name, "host:2");
  summary.note(ack_of(1, 5), start + seconds(12));
  EXPECT_EQ(summary.peers().size(), 2u);
}

TEST(ack_summary, a_flood_of_names_pushes_out_the_longest_silent) {
  ack_summary summary({.peers_max = 3, .expiry = seconds(10)});
  for (std::uint8_t who = 1; who <= 3; ++who) summary.note(ack_of(who, 1), start + milliseconds(who));
  summary.note(ack_of(1, 2), start + milliseconds(10));  // known: makes nobody go
  EXPECT_EQ(summary.peers().size(), 3u);
  for (std::uint8_t who = 10; who < 200; ++who) {
    summary.note(ack_of(who, 1), start + milliseconds(10 + who));
    ASSERT_EQ(summary.peers().size(), 3u);
  }
  EXPECT_EQ(summary.peers()[0].last.name, "host:197");
}

}  // namespace
}  // namespace graphite
