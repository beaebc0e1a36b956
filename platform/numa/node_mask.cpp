#include "platform/numa/node_mask.hpp"

#include <fmt/format.h>
#include <numaif.h>
#include <unistd.h>

namespace graphite {

std::optional<node_mask> allowed_memory() {
  node_mask out;
  if (::get_mempolicy(nullptr, out.words(), node_mask::bits, nullptr, MPOL_F_MEMS_ALLOWED) != 0)
    return std::nullopt;
  return out;
}

bool node_exists(unsigned node) {
  return ::access(fmt::format("/sys/devices/system/node/node{}", node).c_str(), F_OK) == 0;
}

}  // namespace graphite
