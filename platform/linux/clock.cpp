#include "platform/linux/clock.hpp"

#include <sys/random.h>
#include <time.h>

#include <fstream>

#include "core/error.hpp"

namespace graphite {

static std::int64_t read_clock(clockid_t which) {
  timespec t{};
  clock_gettime(which, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

time_point system_clock_source::now() const { return time_from_ns(read_clock(CLOCK_MONOTONIC)); }
std::int64_t system_clock_source::unix_ns() const { return read_clock(CLOCK_REALTIME); }

std::uint64_t system_random_source::next() {
  std::uint64_t out = 0;
  // Eight bytes are never cut short once the kernel's pool is ready, which getrandom waits for.
  GRAPHITE_INVARIANT(getrandom(&out, sizeof out, 0) == static_cast<ssize_t>(sizeof out));
  return out;
}

uuid boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  file >> text;
  return uuid_from_string(text).value_or(uuid{});
}

}  // namespace graphite
