#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "tests/bindings/opened_project.hpp"

// Whom a context binds to processors. This program's function stands before the C library's.

namespace graphite::test {
namespace {

std::mutex bound_mutex;
std::vector<pthread_t> bound;

std::vector<pthread_t> bound_so_far() {
  const std::lock_guard lock(bound_mutex);
  return bound;
}

/// Builds a project from nothing with such a context; returns the threads that were bound meanwhile.
std::vector<pthread_t> bound_by(graphite_pin_mode pin) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  project.close();
  graphite_rebuild_config config;
  graphite_rebuild_config_init(&config);
  EXPECT_EQ(config.pin, GRAPHITE_PIN_AUTO);
  config.pin = pin;
  const auto before = bound_so_far().size();
  EXPECT_EQ(graphite_rebuild_open(project.folder.path().c_str(), &config, &project.context), GRAPHITE_SUCCESS)
      << last_error();
  EXPECT_EQ(project.build(), GRAPHITE_SUCCESS) << last_error();
  EXPECT_EQ(project.shown("a.out"), "A");
  auto all = bound_so_far();
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(before));
  return all;
}

TEST(build_pin, binds_what_builds_where_that_is_asked_for_and_nobody_else) {
  EXPECT_TRUE(bound_by(GRAPHITE_PIN_NEVER).empty());
  const auto pinned = bound_by(GRAPHITE_PIN_ALWAYS);
  EXPECT_FALSE(pinned.empty());
  EXPECT_EQ(std::count(pinned.begin(), pinned.end(), ::pthread_self()), 0) << "the program's own thread";
}

TEST(build_pin, is_one_of_three) {
  opened_project project(joining_project, {{"a.txt", "A"}});
  graphite_rebuild_config config;
  graphite_rebuild_config_init(&config);
  config.pin = static_cast<graphite_pin_mode>(GRAPHITE_PIN_NEVER + 1);
  graphite_rebuild_context* none = project.context;
  EXPECT_EQ(graphite_rebuild_open("/nowhere", &config, &none), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(none, nullptr);
  EXPECT_NE(last_error().find("pin"), std::string::npos) << last_error();
}

}  // namespace
}  // namespace graphite::test

extern "C" int pthread_setaffinity_np(pthread_t thread, std::size_t size, const cpu_set_t* cpus) noexcept {
  using function = int (*)(pthread_t, std::size_t, const cpu_set_t*);
  static const auto real = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "pthread_setaffinity_np"));
  {
    const std::lock_guard lock(graphite::test::bound_mutex);
    graphite::test::bound.push_back(thread);
  }
  return real(thread, size, cpus);
}
