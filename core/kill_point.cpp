#include "core/kill_point.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace graphite {

static std::atomic<int> passes_left{1};
// Constant-initialised: valid even in the constructors of other static objects.
constinit std::atomic<int> armed_kill_point{-1};

void arm_kill_point(int index, int count) {
  passes_left.store(count);
  armed_kill_point.store(index);
}

void pass_armed_kill_point() {
  if (passes_left.fetch_sub(1) != 1) return;
  std::raise(SIGKILL);
}

static void arm_from_environment() {
  const char* value = std::getenv("GRAPHITE_KILL_AT");
  if (value == nullptr || *value == '\0') return;
  std::string_view text(value);
  int count = 1;
  if (auto colon = text.rfind(':'); colon != std::string_view::npos) {
    std::string_view number = text.substr(colon + 1);
    auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), count);
    if (code != std::errc{} || end != number.data() + number.size() || count < 1) count = 0;
    text = text.substr(0, colon);
  }
  int index = kill_point_index(text);
  if (index < 0 || count < 1) {
    std::fprintf(stderr, "graphite: GRAPHITE_KILL_AT=%s names no kill point\n", value);
    std::_Exit(2);
  }
  arm_kill_point(index, count);
}

namespace {
struct arm_at_start {
  arm_at_start() { arm_from_environment(); }
};
const arm_at_start armed;
}  // namespace

}  // namespace graphite
