#include "core/messages/zap.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

byte_vector frame(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

std::vector<byte_vector> question(std::string_view mechanism = "CURVE") {
  return {frame("1.0"), frame("7"),       frame("graphite.chunks"),   frame("10.0.0.1"),
          frame(""),    frame(mechanism), frame(std::string(32, 'k'))};
}

TEST(zap_question, tells_port_and_key) {
  auto frames = question();
  const auto chunks = read_zap_question(frames);
  ASSERT_TRUE(chunks) << chunks.error().context;
  EXPECT_EQ(chunks->port, served_port::chunks);
  EXPECT_EQ(chunks->peer.bytes[31], std::byte{'k'});
  frames[2] = frame("graphite.heads");
  EXPECT_EQ(read_zap_question(frames)->port, served_port::heads);
}

TEST(zap_question, refuses_peers_without_a_curve_key) {
  for (const char* mechanism : {"NULL", "PLAIN", "GSSAPI", "curve", ""})
    EXPECT_EQ(read_zap_question(question(mechanism)).error().code, errc::permission_denied) << mechanism;
}

TEST(zap_question, refuses_what_is_malformed) {
  const auto refuses = [](std::size_t at, byte_vector with) {
    auto frames = question();
    frames[at] = std::move(with);
    EXPECT_FALSE(read_zap_question(frames)) << at;
  };
  refuses(0, frame("2.0"));
  refuses(0, {});
  refuses(2, frame("other"));
  refuses(2, {});
  refuses(6, frame(std::string(31, 'k')));
  refuses(6, frame(std::string(33, 'k')));
  refuses(6, {});
  refuses(3, byte_vector(zap_frame_bytes_max + 1));
  auto frames = question();
  frames.push_back(frame(std::string(32, 'x')));
  EXPECT_FALSE(read_zap_question(frames)) << "two keys";
  frames.resize(zap_frames_max + 1);
  EXPECT_FALSE(read_zap_question(frames));
  for (frames = question(); !frames.empty();) {
    frames.pop_back();
    EXPECT_FALSE(read_zap_question(frames)) << frames.size();
  }
}

TEST(zap_answer, is_a_user_or_a_refusal) {
  curve_key key;
  key.bytes.fill(std::byte{0xab});
  const auto yes = zap_answer(question(), key);
  EXPECT_EQ(yes, (std::vector<std::string>{"1.0", "7", "200", "", user_id_of(key), ""}));
  const auto no = zap_answer(question(), fail(errc::permission_denied, "no grant"));
  EXPECT_EQ(no, (std::vector<std::string>{"1.0", "7", "400", "no grant", "", ""}));
  EXPECT_EQ(zap_answer({}, fail(errc::corrupt, "?"))[1], "");
}

TEST(user_id, is_the_key_in_hexadecimal) {
  curve_key key;
  key.bytes.fill(std::byte{0x0f});
  EXPECT_EQ(user_id_of(key), std::string("0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"));
  EXPECT_EQ(key_of_user_id(user_id_of(key)), key);
  for (const std::string bad : {"", "0f", "zz"}) EXPECT_FALSE(key_of_user_id(bad));
  EXPECT_FALSE(key_of_user_id(user_id_of(key) + "00"));
}

}  // namespace
}  // namespace graphite
