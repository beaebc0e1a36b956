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
  EXPECT_EQ(*shown, std::vector<byte_vector>{encode_ticket(latest)});
}

TEST_F(tickets_test, without_a_channel_one_of_each_is_shown_up_to_a_number) {
  std::vector<ticket> all;
  for (int i = 0; i < 9; ++i) all.push_back(made("channel-" + std::to_string(i), now + day));
  EXPECT_EQ(choose(all, "")->size(), chunk_port_limits::tickets_max);
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

}  // namespace
}  // namespace graphite
