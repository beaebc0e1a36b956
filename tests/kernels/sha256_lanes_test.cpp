#include "kernels/sha256_lanes.hpp"

#include <gtest/gtest.h>

#include <random>

#include "core/hex.hpp"
#include "platform/crypto/sha256.hpp"
#include "tests/kernels/guarded_bytes.hpp"

namespace graphite {
namespace {

/// Every way of this processor: two lanes, sixteen, and numbers between.
class sha256_lanes_kernel : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    if (sha256_lanes_max() < GetParam() || GetParam() < 2)
      GTEST_SKIP() << "this processor hashes " << sha256_lanes_max() << " messages at once, not "
                   << GetParam();
  }

  void check(std::span<const byte_span> messages) const {
    const openssl_hasher one_by_one;
    std::vector<digest> found(messages.size());
    sha256_lanes(messages, found, GetParam());
    for (std::size_t i = 0; i < messages.size(); ++i)
      ASSERT_TRUE(found[i] == one_by_one.sha256(messages[i]))
          << "message " << i << " of " << messages.size() << ", " << messages[i].size() << " bytes";
  }
};

byte_vector noise(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  byte_vector out(size);
  for (auto& byte : out) byte = static_cast<std::byte>(random());
  return out;
}

TEST_P(sha256_lanes_kernel, the_standards_messages_have_their_digests) {
  const std::string_view texts[] = {"abc", "", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"};
  std::vector<byte_span> messages;
  for (const auto text : texts) messages.push_back(as_bytes(text));
  std::vector<digest> found(messages.size());
  sha256_lanes(messages, found, GetParam());
  EXPECT_EQ(to_hex(found[0]), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(found[1]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(found[2]), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_P(sha256_lanes_kernel, every_length_around_the_blocks_is_hashed_alike) {
  const auto bytes = noise(700 * 701 / 2, 1);
  std::vector<byte_span> messages;
  for (std::size_t size = 0, at = 0; size < 700; at += size, ++size)
    messages.push_back(byte_span(bytes).subspan(at, size));
  check(messages);
  std::ranges::reverse(messages);
  check(messages);
}

TEST_P(sha256_lanes_kernel, any_number_of_messages_of_any_lengths_is_hashed_alike) {
  const auto bytes = noise(300'000, 2);
  std::mt19937 random(3);
  for (std::size_t count = 0; count <= 40; ++count) {
    std::vector<byte_span> messages;
    for (std::size_t i = 0; i < count; ++i) {
      const auto size = random() % (i % 3 == 0 ? 20'000 : 300);
      messages.push_back(byte_span(bytes).subspan(random() % (bytes.size() - size), size));
    }
    ASSERT_NO_FATAL_FAILURE(check(messages));
  }
}

TEST_P(sha256_lanes_kernel, nothing_beyond_a_message_is_read) {
  test::guarded_bytes memory(4096);
  std::vector<byte_span> messages;
  for (std::size_t size = 0; size < 200; ++size) {
    messages.push_back(memory.first(size));
    messages.push_back(memory.last(size));
  }
  check(messages);
}

INSTANTIATE_TEST_SUITE_P(lanes, sha256_lanes_kernel, testing::Values(2, 3, 9, 10, 15, 16),
                         [](const auto& of) { return std::to_string(of.param); });

TEST(sha256_lanes, the_hasher_gives_each_message_its_digest) {
  const auto bytes = noise(100'000, 4);
  std::vector<byte_span> messages;
  for (std::size_t i = 0; i < 30; ++i) messages.push_back(byte_span(bytes).subspan(i * 1000, i * i * 70));
  const openssl_hasher hash;
  std::vector<digest> found(messages.size());
  hash.sha256_each(messages, found);
  for (std::size_t i = 0; i < messages.size(); ++i) EXPECT_TRUE(found[i] == hash.sha256(messages[i])) << i;
}

}  // namespace
}  // namespace graphite
