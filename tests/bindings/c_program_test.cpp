#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

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

/// The library as a plug-in would have it: loaded, used by threads, unloaded.
void use_and_unload(const std::string& path) {
  // A namespace of its own, so that it is not the one which this program is linked with.
  void* const library = ::dlmopen(LM_ID_NEWLM, RUNTIME_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << ::dlerror();
  const auto function = [&]<class F>(F*, const char* name) {
    return reinterpret_cast<F*>(::dlsym(library, name));
  };
  const auto open = function(&graphite_bundle_open, "graphite_bundle_open");
  const auto init = function(&graphite_atomic_bundle_init, "graphite_atomic_bundle_init");
  const auto acquire = function(&graphite_acquire_reader, "graphite_acquire_reader");
  const auto release = function(&graphite_release_reader, "graphite_release_reader");
  const auto destroy = function(&graphite_atomic_bundle_destroy, "graphite_atomic_bundle_destroy");
  graphite_bundle* first = nullptr;
  graphite_atomic_bundle place;
  ASSERT_EQ(open(path.c_str(), &first), GRAPHITE_SUCCESS);
  ASSERT_EQ(init(&place, first), GRAPHITE_SUCCESS);
  uint64_t version = 0;
  EXPECT_NE(acquire(&place, &version), nullptr);
  EXPECT_EQ(version, 1u);
  release(&place);
  destroy(&place);
  EXPECT_EQ(::dlclose(library), 0);
}

TEST(c_program, the_library_is_unloaded_and_loaded_again) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer cannot be loaded twice; the other builds run this";
#endif
  const bundle_on_disk disk(50);
  for (int i = 0; i < 5; ++i) use_and_unload(disk.path());
}

}  // namespace
}  // namespace graphite
