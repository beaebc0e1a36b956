#include "core/upload_ticket.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/ed25519.hpp"

namespace graphite {
namespace {

struct upload_tickets : testing::Test {
  std::unique_ptr<ed25519_signer> root = ed25519_signer::generate().value();
  std::unique_ptr<ed25519_signer> coordinator = ed25519_signer::generate().value();
  ed25519_verifier verifier;
  validity valid{1'000, 2'000};
  curve_key client;

  upload_tickets() { client.bytes.fill(std::byte{7}); }

  upload_statement some_upload() const { return {"studio", client, 17, 1'000'000, valid}; }
  upload_ticket ticket(role what, validity key_valid, const upload_statement& says,
                       const ed25519_signer& by_root) const {
    return {sign_role_key({what, "coordinator-1", coordinator->key(), 8, key_valid}, by_root).value(),
            sign_upload(says, *coordinator).value()};
  }
  errc refused(const upload_ticket& shown, std::int64_t now = 1'500) const {
    const auto granted = check_upload(shown, client, root->key(), verifier, now);
    EXPECT_FALSE(granted);
    return granted ? errc::io : granted.error().code;
  }
};

TEST_F(upload_tickets, grant_what_their_coordinator_said) {
  const auto shown =
      decode_upload_ticket(encode_upload_ticket(ticket(role::coordinator, {0, 9'000}, some_upload(), *root)));
  ASSERT_TRUE(shown);
  const auto granted = check_upload(*shown, client, root->key(), verifier, 1'500);
  ASSERT_TRUE(granted) << granted.error().context;
  EXPECT_EQ(granted->says, some_upload());
  EXPECT_EQ(granted->key_serial, 8u);
}

TEST_F(upload_tickets, of_other_roots_roles_clients_and_times_grant_nothing) {
  const auto good = ticket(role::coordinator, {0, 9'000}, some_upload(), *root);
  EXPECT_EQ(refused(ticket(role::coordinator, {0, 9'000}, some_upload(), *coordinator)),
            errc::permission_denied);
  EXPECT_EQ(refused(ticket(role::node, {0, 9'000}, some_upload(), *root)), errc::permission_denied);
  EXPECT_EQ(refused(ticket(role::coordinator, {0, 1'200}, some_upload(), *root)), errc::permission_denied);
  auto for_another = some_upload();
  for_another.client.bytes.fill(std::byte{8});
  EXPECT_EQ(refused(ticket(role::coordinator, {0, 9'000}, for_another, *root)), errc::permission_denied);
  EXPECT_EQ(refused(good, 999), errc::permission_denied);
  EXPECT_EQ(refused(good, 2'000), errc::permission_denied);
  auto changed = good;
  changed.grant.body.back() ^= std::byte{1};
  EXPECT_EQ(refused(changed), errc::permission_denied);
}

TEST_F(upload_tickets, are_no_other_statement) {
  const auto grant = sign_upload(some_upload(), *root).value();
  EXPECT_FALSE(verified_ticket(grant, root->key(), verifier));
  EXPECT_FALSE(verified_token(grant, root->key(), verifier));
  EXPECT_FALSE(sign_upload({"not a name", client, 1, 1, valid}, *root));
  EXPECT_FALSE(sign_upload({"studio", client, 1, 1, {5, 5}}, *root));
}

TEST_F(upload_tickets, with_the_longest_names_fit) {
  upload_statement longest{
      std::string(peer_name_bytes_max, 'x'),
      client,
      ~std::uint64_t{0},
      ~std::uint64_t{0},
      {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}};
  const auto bytes = encode_upload_ticket(ticket(role::coordinator, longest.valid, longest, *root));
  EXPECT_LE(bytes.size(), ticket_bytes_max);
  EXPECT_TRUE(decode_upload_ticket(bytes));
}

}  // namespace
}  // namespace graphite
