#include "platform/linux/program_lookup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

class program_lookup : public testing::Test {
 protected:
  program_lookup() {
    for (const auto* folder : {"a", "b"}) std::filesystem::create_directory(folder_ / folder);
    make("a/data", 0644);
    make("b/data", 0755);
    make("b/tool", 0755);
    path_ = (folder_ / "a") + "::" + (folder_ / "b");
  }
  void make(const std::string& name, mode_t mode) const {
    std::ofstream(folder_ / name) << "x";
    ::chmod((folder_ / name).c_str(), mode);
  }
  test::temporary_folder folder_;
  std::string path_;
};

TEST_F(program_lookup, takes_the_first_executable_file) {
  EXPECT_EQ(*look_up_program("tool", path_, "/"), folder_ / "b/tool");
  EXPECT_EQ(*look_up_program("data", path_, "/"), folder_ / "b/data");
  EXPECT_EQ(*look_up_program("tool", "b", folder_.path()), folder_ / "b/tool");
}

TEST_F(program_lookup, a_slash_means_the_working_folder) {
  EXPECT_EQ(*look_up_program("b/tool", "", folder_.path()), folder_ / "b/tool");
  EXPECT_EQ(*look_up_program(folder_ / "b/tool", "", "/"), folder_ / "b/tool");
  EXPECT_EQ(look_up_program("tool/", "", folder_.path()).error().code, errc::not_found);
}

TEST_F(program_lookup, errors_tell_absent_from_not_executable) {
  EXPECT_EQ(look_up_program("none", path_, "/").error().code, errc::not_found);
  EXPECT_THAT(look_up_program("none", "", "/").error().context, testing::HasSubstr("PATH is empty"));
  EXPECT_EQ(look_up_program("data", folder_ / "a", "/").error().code, errc::permission_denied);
  EXPECT_EQ(look_up_program("a/data", "", folder_.path()).error().code, errc::permission_denied);
  EXPECT_EQ(look_up_program("a", folder_.path(), "/").error().code, errc::not_found);
  EXPECT_EQ(look_up_program("", path_, "/").error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace graphite
