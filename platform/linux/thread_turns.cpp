#include "platform/linux/thread_turns.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace graphite {

namespace {

constexpr std::uint64_t short_turn_ns = 100'000, usual_turn = 0;
constexpr int strangers_niceness = 5;

/// As the kernel has it; the C library of Debian 12 does not.
struct schedule_attributes {
  std::uint32_t size = sizeof(schedule_attributes);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;
};
static_assert(sizeof(schedule_attributes) == 48);

/// What is refused, or not known, leaves the thread as it was: it is only slower.
void ask_for_turns(std::uint64_t ns) {
  schedule_attributes now;
  constexpr pid_t this_thread = 0;
  if (::syscall(SYS_sched_getattr, this_thread, &now, sizeof now, 0U) != 0 || now.policy != SCHED_OTHER)
    return;
  now.runtime = ns;
  (void)::syscall(SYS_sched_setattr, this_thread, &now, 0U);
}

}  // namespace

short_turns::short_turns() { ask_for_turns(short_turn_ns); }
short_turns::~short_turns() { take_usual_turns(); }

void take_usual_turns() { ask_for_turns(usual_turn); }

void stand_back() {
  take_usual_turns();
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), strangers_niceness);
}

}  // namespace graphite
