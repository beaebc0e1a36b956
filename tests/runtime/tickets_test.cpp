#include "runtime/tickets.hpp"

#include <gtest/gtest.h>

#include "core/messages/chunks.hpp"
#include "platform/crypto/ed25519.hpp"

namespace graphite {
namespace {

struct tickets_test : testing::Test {
  static constexpr std::int64_t now = 1'760'000'000'000'000'000, day = 86'400'000'000'000;
  std::unique_ptr<ed25519_signer> root = ed25519_signer::generate().value(),
                                  key = ed25519_signer::generate().value();
  ed25519_verifier verifier;
  curve_key mine{};

  ticket made(const std::string& channel, std::int64_t until, std::uint64_t serial = 1,
              curve_key client = {}) {
    const auto by = sign_channel_key({channel, key->key(), 1, {now - day, now + 90 * day}}, *root).value();
    return {by, sign_ticket({channel, "pc", client, serial, {now - day, until}}, *key).value()};
  }
  result<std::vector<byte_vector>> choose(const std::vector<ticket>& from, const std::string& channel) {
    return choose_tickets(from, channel, mine, {root->key()}, verifier, now);
  }
};

TEST_F(tickets_test, the_channels_latest_one_is_shown) {
  const auto latest = made("game", now + 9 * day, 2);
  const auto shown =
      choose({made("game", now + day), latest, made("game", now + 5 * day), made("ui", now + day)}, "game");
  ASSERT_TRUE(shown) << shown.error().context;
  EXPECT_EQ(*shown,
            (std::vector<byte_vector>{encode_ticket(latest), encode_ticket(made("game", now + 5 * day)),
                                      encode_ticket(made("game", now + day))}))
      << "the next ones follow, for when it is refused";
}

TEST_F(tickets_test, without_a_channel_the_best_of_each_come_first) {
  std::vector<ticket> all;
  for (int i = 0; i < 9; ++i)
    for (int n = 1; n <= 2; ++n) all.push_back(made("channel-" + std::to_string(i), now + n * day));
  const auto shown = choose(all, "");
  ASSERT_EQ(shown->size(), all.size());
  for (std::size_t i = 0; i < 9; ++i) {
    EXPECT_EQ((*shown)[i], encode_ticket(all[2 * i + 1]));
    EXPECT_EQ((*shown)[9 + i], encode_ticket(all[2 * i]));
  }
}

TEST_F(tickets_test, are_bounded) {
  std::vector<ticket> all;
  for (std::size_t i = 0; i < ticket_choices_max + 9; ++i) all.push_back(made("game", now + day, i));
  EXPECT_EQ(choose(all, "game")->size(), ticket_choices_max);
}

TEST(ticket_rounds, show_a_request_s_worth_and_begin_again_after_the_last) {
  std::vector<byte_vector> all;
  for (int i = 0; i < 6; ++i) all.emplace_back(1, std::byte(i));
  ticket_round round(all);
  const auto part = [&](std::ptrdiff_t from, std::ptrdiff_t to) {
    return std::vector<byte_vector>(all.begin() + from, all.begin() + to);
  };
  EXPECT_EQ(round.shown(), part(0, 4));
  EXPECT_EQ(round.shown(), part(0, 4));
  round.next();
  EXPECT_EQ(round.shown(), part(4, 6));
  round.next();
  EXPECT_EQ(round.shown(), part(0, 4));
  ticket_round none(std::vector<byte_vector>{});
  none.next();
  EXPECT_TRUE(none.shown().empty());
}

TEST_F(tickets_test, what_does_not_count_is_told) {
  curve_key other;
  other.bytes.fill(std::byte{9});
  const auto says = choose({made("game", now - 1, 5), made("game", now + day, 6, other)}, "game");
  ASSERT_FALSE(says);
  EXPECT_NE(says.error().context.find("ticket 5 for channel game has expired"), std::string::npos);
  EXPECT_NE(says.error().context.find("ticket 6 for channel game is for another client"), std::string::npos);
  EXPECT_NE(says.error().context.find("graphite keys ticket"), std::string::npos);
  const auto stranger = ed25519_signer::generate().value();
  EXPECT_FALSE(choose_tickets({made("game", now + day)}, "game", mine, {stranger->key()}, verifier, now));
}

TEST_F(tickets_test, those_of_a_root_whose_time_has_ended_are_not_shown) {
  const auto one = made("game", now + day);
  EXPECT_TRUE(choose_tickets({one}, "game", mine, {{root->key(), now + 1}}, verifier, now));
  EXPECT_FALSE(choose_tickets({one}, "game", mine, {{root->key(), now}}, verifier, now));
}

}  // namespace
}  // namespace graphite
