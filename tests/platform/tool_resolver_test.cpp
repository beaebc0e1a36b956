#include "platform/linux/tool_resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "platform/crypto/sha256.hpp"
#include "platform/linux/process_runner.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class counting_runner final : public process_runner {
 public:
  result<process_outcome> run(const process_spec& spec, const cancel_token& cancel) override {
    ++runs;
    return real_.run(spec, cancel);
  }
  int runs = 0;

 private:
  linux_process_runner real_;
};

class tool_resolver_test : public testing::Test {
 protected:
  tool_resolver_test() {
    write("conv", "#!/bin/sh\necho version 1\n");
    write("table", "data");
  }
  /// Old enough for its stat signature to be trusted.
  void write(const std::string& name, const std::string& text, int age_seconds = 100) const {
    std::ofstream(folder_ / name) << text;
    ::chmod((folder_ / name).c_str(), 0755);
    fs::last_write_time(folder_ / name, fs::file_time_type::clock::now() - std::chrono::seconds(age_seconds));
  }
  tool_spec content(std::vector<std::string> paths) const {
    tool_spec out;
    out.name = "conv";
    out.paths = std::move(paths);
    return out;
  }
  tool_spec machine() const {
    tool_spec out;
    out.name = "conv";
    out.how = tool_spec::kind::machine;
    out.version_argv = {"conv", "--version"};
    return out;
  }

  test::temporary_folder folder_;
  openssl_hasher hash_;
  counting_runner processes_;
  linux_tool_resolver resolver_{
      {.root = folder_.path(), .path = folder_.path() + ":/usr/bin:/bin"}, hash_, processes_};
};

TEST_F(tool_resolver_test, content_tools_are_their_bytes) {
  const auto first = resolver_.resolve(content({"conv", "./table"}));
  ASSERT_TRUE(first) << first.error().context;
  EXPECT_EQ(first->program, folder_ / "conv");
  EXPECT_EQ(first->files.size(), 2u);
  EXPECT_EQ(resolver_.resolve(content({"conv", "./table"}))->identity, first->identity);
  write("table", "other", 50);
  EXPECT_NE(resolver_.resolve(content({"conv", "./table"}))->identity, first->identity);
}

TEST_F(tool_resolver_test, machine_tools_are_what_they_print_and_asked_once) {
  // The change time cannot be set back, so trust takes a moment to come.
  const auto first = resolver_.resolve(machine());
  ASSERT_TRUE(first) << first.error().context;
  EXPECT_EQ(first->program, folder_ / "conv");
  write("conv", "#!/bin/sh\necho version 2\n", 50);
  EXPECT_NE(resolver_.resolve(machine())->identity, first->identity);
  tool_spec system = machine();
  system.version_argv = {"true"};
  ASSERT_TRUE(resolver_.resolve(system));
  const int before = processes_.runs;
  ASSERT_TRUE(resolver_.resolve(system));
  EXPECT_EQ(processes_.runs, before);
}

TEST_F(tool_resolver_test, errors_name_the_tool_and_the_reason) {
  EXPECT_THAT(resolver_.resolve(content({"absent"})).error().context,
              HasSubstr("tool 'conv': program 'absent'"));
  EXPECT_EQ(resolver_.resolve(content({"./absent"})).error().code, errc::not_found);
  EXPECT_EQ(resolver_.resolve(content({})).error().code, errc::invalid_argument);
  EXPECT_EQ(resolver_.resolve(content({"/dev/null"})).error().code, errc::invalid_argument);
  tool_spec failing = machine();
  failing.version_argv = {"false"};
  EXPECT_EQ(resolver_.resolve(failing).error().code, errc::action_failed);
}

}  // namespace
}  // namespace graphite
