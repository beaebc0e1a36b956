#include "platform/worker/task_codec.hpp"

#include <gtest/gtest.h>

#include "core/units.hpp"

namespace graphite {
namespace {

encoded_task sample_task() {
  encoded_task out;
  out.transform = "texture";
  out.version = 3;
  const std::vector<option_spec> specs{{.name = "mips", .standard = true, .help = ""},
                                       {.name = "size", .standard = std::int64_t{4}, .help = ""}};
  out.options = *option_values::make(specs, {{"size", std::int64_t{-7}}});
  out.path = "a/b.png";
  out.outputs = {{"a/b.ktx2", false}, {"a/*.x", true}};
  out.main = {64, 12345};
  out.output_bytes_max = 1 * GiB;
  out.threads = 5;
  return out;
}

TEST(task_codec, a_task_comes_back_as_it_was) {
  const auto before = sample_task();
  const auto after = decode_task(encode(before));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->transform, "texture");
  EXPECT_EQ(after->version, 3u);
  EXPECT_EQ(after->options, before.options);
  EXPECT_EQ(after->path, before.path);
  EXPECT_EQ(after->outputs, before.outputs);
  EXPECT_EQ(after->main, before.main);
  EXPECT_EQ(after->output_bytes_max, 1 * GiB);
  EXPECT_EQ(after->threads, 5u);
}

TEST(task_codec, an_answer_comes_back_as_it_was) {
  encoded_answer before;
  before.text = "a warning";
  before.cpu_ns = 77;
  before.memory_bytes_peak = 78;
  before.assets = {{"a/b.ktx2", {{0, 5}, {64, 0}}}, {"c", {{128, 1}}}};
  const auto after = decode_answer(encode(before));
  ASSERT_TRUE(after);
  EXPECT_FALSE(after->failed);
  EXPECT_EQ(after->text, before.text);
  EXPECT_EQ(after->cpu_ns, 77u);
  EXPECT_EQ(after->memory_bytes_peak, 78u);
  ASSERT_EQ(after->assets.size(), 2u);
  EXPECT_EQ(after->assets[0].path, "a/b.ktx2");
  EXPECT_EQ(after->assets[0].parts, before.assets[0].parts);
  EXPECT_EQ(after->assets[1].parts, before.assets[1].parts);
}

TEST(task_codec, bytes_that_are_cut_or_go_on_are_refused) {
  const auto task = encode(sample_task());
  for (std::size_t size = 0; size < task.size(); ++size)
    EXPECT_FALSE(decode_task(task.substr(0, size))) << size;
  EXPECT_FALSE(decode_task(task + "x"));
  encoded_answer answer;
  answer.assets = {{"a", {{0, 5}}}};
  const auto text = encode(answer);
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(decode_answer(text.substr(0, size))) << size;
  EXPECT_FALSE(decode_answer(text + "x"));
}

TEST(task_codec, an_answer_with_too_many_parts_is_refused) {
  encoded_answer answer;
  answer.assets = {{"a", std::vector<memory_range>(65)}};
  EXPECT_FALSE(decode_answer(encode(answer)));
}

}  // namespace
}  // namespace graphite
