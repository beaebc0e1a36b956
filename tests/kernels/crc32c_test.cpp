#include "kernels/crc32c.hpp"

#include "kernels/crc32c_polynomial.hpp"
#include "tests/kernels/every_target.hpp"
#include "tests/kernels/guarded_bytes.hpp"

namespace graphite {
namespace {

using test::kernel_bytes;

/// Bit by bit.
std::uint32_t slow_crc(byte_span bytes) {
  std::uint32_t crc = ~0u;
  for (const auto byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = castagnoli::times_x(crc);
  }
  return ~crc;
}

class crc32c_kernel : public test::every_target {};

TEST_P(crc32c_kernel, vectors_of_rfc_3720_have_their_crcs) {
  std::vector<std::byte> up(32), down(32);
  for (std::size_t i = 0; i < 32; ++i) {
    up[i] = static_cast<std::byte>(i);
    down[i] = static_cast<std::byte>(31 - i);
  }
  const std::vector<std::byte> zeros(32), ones(32, std::byte{0xff});
  // An iSCSI command: SCSI read (10).
  std::vector<std::byte> read_command(48);
  const std::pair<std::size_t, int> set[] = {{0, 0x01},  {1, 0xc0},  {16, 0x14}, {22, 0x04},
                                             {27, 0x14}, {31, 0x18}, {32, 0x28}, {40, 0x02}};
  for (const auto& [at, value] : set) read_command[at] = static_cast<std::byte>(value);
  EXPECT_EQ(crc32c(zeros), 0x8a9136aau);
  EXPECT_EQ(crc32c(ones), 0x62a8ab43u);
  EXPECT_EQ(crc32c(up), 0x46dd794eu);
  EXPECT_EQ(crc32c(down), 0x113fdb5cu);
  EXPECT_EQ(crc32c(read_command), 0xd9963a56u);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST_P(crc32c_kernel, every_length_and_alignment_has_the_crc_of_its_definition) {
  const auto bytes = kernel_bytes(1200, 1);
  for (std::size_t size = 0; size <= 1100; size += size < 300 ? 1 : 13)
    for (const std::size_t from : {0u, 1u, 7u}) {
      const auto some = byte_span(bytes).subspan(from, size);
      const auto expected = slow_crc(some);
      ASSERT_EQ(crc32c(some), expected) << size << ' ' << from;
      ASSERT_EQ(scalar::crc32c(some), expected) << size << ' ' << from;
    }
}

TEST_P(crc32c_kernel, pieces_in_a_row_have_the_crc_of_the_whole) {
  const auto bytes = kernel_bytes(100'003, 2);
  const auto whole = scalar::crc32c(bytes);
  EXPECT_EQ(crc32c(bytes), whole);
  std::mt19937_64 random(3);
  for (int round = 0; round < 20; ++round) {
    std::uint32_t crc = 0;
    for (byte_span rest = bytes; !rest.empty();) {
      const auto size = std::min<std::size_t>(rest.size(), random() % 3000);
      crc = crc32c(rest.first(size), crc);
      rest = rest.subspan(size);
    }
    ASSERT_EQ(crc, whole);
  }
}

TEST_P(crc32c_kernel, nothing_outside_the_bytes_is_read) {
  test::guarded_bytes memory(4096);
  const auto bytes = kernel_bytes(memory.all().size(), 4);
  std::copy(bytes.begin(), bytes.end(), memory.all().begin());
  for (std::size_t size = 0; size < 600; ++size) {
    ASSERT_EQ(crc32c(memory.first(size)), crc32c(byte_span(bytes).first(size))) << size;
    ASSERT_EQ(crc32c(memory.last(size)), crc32c(byte_span(bytes).last(size))) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(every, crc32c_kernel, testing::ValuesIn(simd_targets()), test::name_of_target);

}  // namespace
}  // namespace graphite
