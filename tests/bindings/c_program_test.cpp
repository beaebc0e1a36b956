#include <gtest/gtest.h>

#include <cstdio>

#include "bindings/c/graphite.h"
#include "tests/bindings/bundle_on_disk.hpp"

namespace graphite {
namespace {

using namespace test;

struct said {
  std::string text;
  int code = 0;
};

said run(const std::string& command) {
  said out;
  FILE* const pipe = ::popen(command.c_str(), "r");
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.text.append(buffer, n);
  out.code = ::pclose(pipe);
  return out;
}

TEST(c_program, shows_an_asset) {
  const bundle_on_disk disk(50);
  const auto shown = run(fmt::format("{} {} {}", C11_PROGRAM, disk.path(), asset_name(13)));
  EXPECT_EQ(shown.code, 0);
  EXPECT_EQ(shown.text, as_text(bundle_on_disk::bytes_of(13)));
  EXPECT_NE(run(fmt::format("{} {} absent 2> /dev/null", C11_PROGRAM, disk.path())).code, 0);
  EXPECT_NE(run(fmt::format("{} /nowhere absent 2> /dev/null", C11_PROGRAM)).code, 0);
}

TEST(c_program, the_library_is_unloaded_and_loaded_again) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer cannot be loaded twice; the other builds run this";
#endif
  const bundle_on_disk disk(50);
  const auto done = run(fmt::format("{} {} {} 5 2>&1", UNLOADING_PROGRAM, RUNTIME_LIBRARY, disk.path()));
  EXPECT_EQ(done.code, 0) << done.text;
}

}  // namespace
}  // namespace graphite
