#include "schemas/codec/tool_messages.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

tool_work sample_work() {
  tool_work out;
  out.id = 42;
  out.arguments = {"-o", "a b.bin", ""};
  out.working_folder = "/dev/shm/x";
  out.temporary_folder = "/tmp/y";
  digest content;
  content.bytes[3] = 7;
  out.inputs = {{"a/ü.txt", {content, 1'000'000'007}}};
  return out;
}

TEST(tool_messages, work_comes_back_as_it_was) {
  EXPECT_EQ(decode_tool_work(encode(sample_work())), sample_work());
}

TEST(tool_messages, an_answer_comes_back_as_it_was) {
  const tool_answer answer{7, -3, "line\nline\n"};
  EXPECT_EQ(decode_tool_answer(encode(answer)), answer);
}

TEST(tool_messages, of_a_long_output_the_end_counts) {
  const tool_answer answer{7, 1, std::string(200'000, 'x') + "\nthe end\n"};
  const auto read = decode_tool_answer(encode(answer));
  ASSERT_TRUE(read);
  EXPECT_LE(read->output.size(), tool_output_bytes_max);
  EXPECT_TRUE(read->output.ends_with("the end\n"));
}

TEST(tool_messages, an_answer_may_be_any_bytes) {
  EXPECT_FALSE(decode_tool_answer({}));
  const std::string text = "hello, world, how are you";
  EXPECT_FALSE(decode_tool_answer(as_bytes(std::string_view(text))));
  EXPECT_EQ(decode_tool_answer(byte_vector(tool_message_bytes_max + 8)).error().code, errc::too_large);
}

}  // namespace
}  // namespace graphite
