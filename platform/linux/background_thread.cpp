#include "platform/linux/background_thread.hpp"

#include <sched.h>

namespace graphite {

void work_in_background() {
  const ::sched_param no_priority{};
  // For itself a thread may always do so.
  [[maybe_unused]] const int refused = ::sched_setscheduler(0, SCHED_BATCH, &no_priority);
}

}  // namespace graphite
