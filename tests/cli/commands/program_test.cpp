#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "tests/cli/commands/bundle_support.hpp"
#include "tests/cli/commands/cli_support.hpp"
#include "tests/support/temporary_folder.hpp"

// The real program as its users run it.

namespace graphite {
namespace {

struct program_run {
  int code = -1;
  std::string out;
};

/// Standard output and exit code of the shell command `graphite ARGUMENTS`.
program_run graphite_program(const std::string& arguments) {
  program_run run;
  std::FILE* pipe = ::popen((std::string(GRAPHITE_PROGRAM) + " " + arguments).c_str(), "r");
  if (pipe == nullptr) return run;
  std::array<char, 4096> buffer{};
  for (std::size_t size; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    run.out.append(buffer.data(), size);
  const int status = ::pclose(pipe);
  run.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

TEST(program, tells_its_version_and_help) {
  EXPECT_EQ(graphite_program("--version").out, "graphite " GRAPHITE_VERSION "\n");
  const auto help = graphite_program("--help");
  EXPECT_EQ(help.code, 0);
  for (const char* part : {"init", "status", "bundle", "Start here", "Exit codes"})
    EXPECT_NE(help.out.find(part), std::string::npos) << part;
  EXPECT_NE(graphite_program("bundle export --help").out.find("graphite bundle export"), std::string::npos);
}

TEST(program, output_into_a_pipe_has_no_escape_sequences) {
  test::temporary_folder folder;
  test::handmade_bundle made(folder.path());
  made.write({{"a", "x"}});
  const auto run = graphite_program("bundle verify " + made.bundle().string() + " 2>&1");
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out.find('\x1b'), std::string::npos);
}

TEST(program, bundles_are_exported_verified_and_extracted) {
  test::temporary_folder folder;
  test::handmade_bundle made(folder / "state");
  made.write({{"a/rock.png", std::string(60'000, 'r')}, {"b.txt", "hello"}});
  const std::string file = folder.path() + "/one.grph", out = folder.path() + "/out";
  EXPECT_EQ(graphite_program("bundle export " + made.bundle().string() + " " + file).code, 0);
  const auto verified = graphite_program("bundle verify --json " + file);
  EXPECT_EQ(verified.code, 0);
  EXPECT_TRUE(nlohmann::json::parse(verified.out).at("good").get<bool>());
  EXPECT_EQ(graphite_program("bundle extract " + file + " " + out).code, 0);
  EXPECT_EQ(test::file_text(out + "/b.txt"), "hello");
  test::flip_bit(file, 5000);
  EXPECT_EQ(graphite_program("bundle verify --json " + file).code, 5);
}

TEST(program, exit_codes_tell_usage_from_a_service_that_is_away) {
  test::temporary_folder folder;
  EXPECT_EQ(graphite_program("stauts 2>/dev/null").code, 2);
  EXPECT_EQ(graphite_program("status --state " + folder.path() + " 2>/dev/null").code, 3);
  EXPECT_EQ(graphite_program("status -C " + folder.path() + " 2>/dev/null").code, 2);
}

TEST(program, instructions_that_are_none_are_a_mistake_of_usage_that_says_so) {
  const test::environment_value simd("GRAPHITE_SIMD", "mmx");
  const auto run = graphite_program("--version 2>&1");
  EXPECT_EQ(run.code, 2);
  EXPECT_NE(run.out.find("GRAPHITE_SIMD: no instruction set 'mmx': scalar, sse2"), std::string::npos)
      << run.out;
  const test::environment_value good("GRAPHITE_SIMD", "scalar");
  EXPECT_EQ(graphite_program("--version").code, 0);
}

}  // namespace
}  // namespace graphite
