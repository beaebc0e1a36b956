#include <gtest/gtest.h>

#include "bindings/c/graphite.h"
#include "tests/bindings/bundle_on_disk.hpp"
#include "tests/support/reserved_huge_pages.hpp"
#include "tests/support/run_program.hpp"

namespace graphite {
namespace {

using namespace test;

TEST(c_program, shows_an_asset) {
  const huge_page_turn turn;
  const bundle_on_disk disk(50);
  const auto shown = run_program(fmt::format("{} {} {}", C11_PROGRAM, disk.path(), asset_name(13)));
  EXPECT_EQ(shown.code, 0);
  EXPECT_EQ(shown.text, as_text(bundle_on_disk::bytes_of(13)));
  EXPECT_NE(run_program(fmt::format("{} {} absent 2> /dev/null", C11_PROGRAM, disk.path())).code, 0);
  EXPECT_NE(run_program(fmt::format("{} /nowhere absent 2> /dev/null", C11_PROGRAM)).code, 0);
}

TEST(c_program, the_library_is_unloaded_and_loaded_again) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer cannot be loaded twice; the other builds run this";
#endif
  const bundle_on_disk disk(50);
  const auto done =
      run_program(fmt::format("{} {} {} 5 2>&1", UNLOADING_PROGRAM, RUNTIME_LIBRARY, disk.path()));
  EXPECT_EQ(done.code, 0) << done.text;
}

}  // namespace
}  // namespace graphite
