#include "platform/linux/heavy_fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/error.hpp"

namespace graphite {
namespace {

bool membarrier(int command) { return ::syscall(SYS_membarrier, command, 0u, 0) == 0; }

}  // namespace

std::function<void()> make_heavy_fence() {
  if (!membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)) return {};
  // Registered, so it cannot fail; and if it did, readers would be left without protection.
  return [] { GRAPHITE_INVARIANT(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)); };
}

}  // namespace graphite
