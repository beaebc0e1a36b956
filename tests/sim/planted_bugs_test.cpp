#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/planted_bug.hpp"
#include "sim/world.hpp"

// Each of the mistakes of core/planted_bug.hpp is found by the simulation. The cluster's sources are compiled
// into this program once more, with them.

namespace graphite::sim {
namespace {

constexpr std::uint64_t seeds_max = 1'000;
constexpr unsigned seconds_max = 240;

/// How far a child has come, and what it found.
struct finding {
  std::uint64_t seed = 0;
  bool told = false;
  char text[200] = {};
};

[[noreturn]] void look_for(planted_bug which, finding& found) {
  planted_now = which;
  for (found.seed = 1; found.seed <= seeds_max; ++found.seed) {
    std::string what;
    try {
      const auto made = world({.seed = found.seed}).run();
      if (made.broken.empty()) continue;
      what = made.broken[0];
    } catch (const std::exception& thrown) {
      what = std::string("thrown: ") + thrown.what();
    }
    found.told = true;
    what.copy(found.text, sizeof found.text - 1);
    _exit(0);
  }
  _exit(1);
}

class planted : public testing::TestWithParam<unsigned> {};

/// In a process of its own: a broken invariant ends that.
TEST_P(planted, is_found) {
  void* shared = mmap(nullptr, sizeof(finding), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto* found = new (shared) finding;
  const auto child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(seconds_max);
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(2);
    look_for(static_cast<planted_bug>(GetParam()), *found);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  const auto name = planted_bug_names[GetParam()];
  const bool broke = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  EXPECT_TRUE(found->told || broke) << name << ", status " << status << ", at seed " << found->seed;
  fmt::print("{:<34} seed {:>4}: {}\n", name, found->seed, broke ? "a broken invariant" : found->text);
  munmap(shared, sizeof(finding));
}

INSTANTIATE_TEST_SUITE_P(each, planted, testing::Range(1u, static_cast<unsigned>(planted_bug::count)),
                         [](const auto& of) { return std::string(planted_bug_names[of.param]); });

TEST(planted_none, without_one_nothing_is_found) {
  planted_now = planted_bug::none;
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    EXPECT_EQ(world({.seed = seed}).run().broken, std::vector<std::string>{}) << seed;
}

}  // namespace
}  // namespace graphite::sim
