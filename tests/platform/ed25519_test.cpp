#include "platform/crypto/ed25519.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

byte_vector bytes_of(std::string_view hex) {
  byte_vector out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}

template <class Value>
Value value_of(std::string_view hex) {
  Value out;
  const auto bytes = bytes_of(hex);
  EXPECT_EQ(bytes.size(), out.bytes.size());
  std::copy_n(bytes.begin(), std::min(bytes.size(), out.bytes.size()), out.bytes.begin());
  return out;
}

struct vector_of_rfc_8032 {
  std::string_view secret, key, message, signature;
};

// Section 7.1, tests 1 to 3.
constexpr vector_of_rfc_8032 vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f"
     "059"
     "5bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2ea"
     "eb4"
     "302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e"
     "971"
     "6ed28dc027beceea1ec40a"},
};

TEST(ed25519, signs_and_verifies_as_its_rfc_says) {
  for (const auto& one : vectors) {
    const auto signer = ed25519_signer::from_secret(bytes_of(one.secret)).value();
    EXPECT_EQ(signer->key(), value_of<public_key>(one.key));
    const auto message = bytes_of(one.message);
    const auto made = signer->sign(message).value();
    EXPECT_TRUE(made == value_of<signature>(one.signature));
    EXPECT_TRUE(ed25519_verifier().verifies(signer->key(), message, made));
  }
}

TEST(ed25519, refuses_other_messages_keys_and_signatures) {
  const auto signer = ed25519_signer::generate().value(), other = ed25519_signer::generate().value();
  const ed25519_verifier verifier;
  byte_vector message(100, std::byte{5});
  const auto made = signer->sign(message).value();
  EXPECT_TRUE(verifier.verifies(signer->key(), message, made));
  EXPECT_FALSE(verifier.verifies(other->key(), message, made));
  auto changed = made;
  changed.bytes[63] ^= std::byte{1};
  EXPECT_FALSE(verifier.verifies(signer->key(), message, changed));
  message[99] = std::byte{6};
  EXPECT_FALSE(verifier.verifies(signer->key(), message, made));
}

// A second signature of the same message would be another name for it: RFC 8032, section 8.4.
TEST(ed25519, a_signature_with_the_groups_order_added_is_none) {
  const auto signer = ed25519_signer::generate().value();
  const byte_vector message(10, std::byte{1});
  auto made = signer->sign(message).value();
  const auto order = bytes_of("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    carry += std::to_integer<unsigned>(made.bytes[32 + i]) + std::to_integer<unsigned>(order[i]);
    made.bytes[32 + i] = static_cast<std::byte>(carry);
    carry >>= 8;
  }
  EXPECT_FALSE(ed25519_verifier().verifies(signer->key(), message, made));
}

// The neutral element as key and as R, S = 0: it would be a signature of every message.
TEST(ed25519, a_key_of_small_order_signs_nothing) {
  public_key key;
  signature made;
  key.bytes[0] = made.bytes[0] = std::byte{1};
  EXPECT_FALSE(ed25519_verifier().verifies(key, byte_vector(10, std::byte{1}), made));
}

TEST(ed25519, has_the_same_key_again_from_its_secret) {
  const auto signer = ed25519_signer::generate().value();
  const auto secret = signer->secret();
  EXPECT_EQ(ed25519_signer::from_secret(secret.view()).value()->key(), signer->key());
  EXPECT_EQ(ed25519_signer::from_secret(secret.view().first(31)).error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace graphite
