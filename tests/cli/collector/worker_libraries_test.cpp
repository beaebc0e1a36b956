#include "cli/worker_libraries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/worker_options.hpp"
#include "platform/linux/process_runner.hpp"
#include "transforms/registry.hpp"

namespace graphite {
namespace {

const transform_libraries some{{"audio", {{"libopus.so.0", "ab12"}, {"processor", "1 of 2"}}},
                               {"shader", {{"glslang", "12.0"}}}};

TEST(worker_libraries, come_back_from_their_lines) {
  EXPECT_EQ(parse_library_lines(library_lines(some)).value(), some);
  EXPECT_EQ(parse_library_lines("").value(), transform_libraries{});
  for (const auto* text : {"audio\n", "audio\tlibopus\n", "Usage: something\n", "\n"})
    EXPECT_EQ(parse_library_lines(text).error().code, errc::corrupt) << text;
}

TEST(worker_libraries, a_server_is_told_for_which_of_them_keys_were_made) {
  const auto mark = "--made-for=" + libraries_mark(library_lines(some));
  EXPECT_THAT(server_arguments(some, {"audio", "shader"}), testing::ElementsAre(mark, "audio", "shader"));
  EXPECT_TRUE(server_arguments({}, {}).empty());
  auto other = some;
  other["audio"]["libopus.so.0"] = "ab13";
  EXPECT_NE(server_arguments(other, {"audio", "shader"})[0], mark);
}

TEST(worker_libraries, a_program_that_does_not_tell_them_is_named) {
  linux_process_runner processes;
  for (const auto* program : {"/nowhere/worker", "/bin/false", "/bin/echo"}) {
    const auto asked = libraries_of_workers(processes, program, {}, {"audio"}, cancel_token());
    ASSERT_FALSE(asked) << program;
    EXPECT_EQ(asked.error().code, errc::unsupported);
    EXPECT_THAT(asked.error().context, testing::HasSubstr(program));
  }
}

TEST(worker_libraries, the_real_program_tells_those_of_each_transform) {
  linux_process_runner processes;
  std::vector<std::string> names;
  for (const auto* one : built_in_transforms()) names.emplace_back(one->name);
  const auto asked = libraries_of_workers(processes, GRAPHITE_REAL_WORKER, {}, names, cancel_token());
  ASSERT_TRUE(asked) << asked.error().context;
  for (const auto* one : built_in_transforms()) {
    const auto& told = asked->at(std::string(one->name));
    for (const auto library : one->libraries)
      EXPECT_TRUE(std::ranges::any_of(told,
                                      [&](const auto& entry) {
                                        return entry.first.starts_with(std::string(library) + ".so") &&
                                               entry.second.size() == 16;
                                      }))
          << one->name << " " << library;
    EXPECT_EQ(told.contains("the processor"), one->processor_matters) << one->name;
  }
  EXPECT_TRUE(asked->at("shader").contains("glslang"));
  EXPECT_FALSE(libraries_of_workers(processes, GRAPHITE_REAL_WORKER, {}, {"audio", "none"}, cancel_token()));
}

}  // namespace
}  // namespace graphite
