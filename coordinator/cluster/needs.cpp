#include "coordinator/cluster/needs.hpp"

namespace graphite {

bool free_resources::fits(const task_needs& needs) const {
  if (needs.cpu_milli > now_.cpu_milli || needs.memory_bytes > now_.memory_bytes) return false;
  for (const auto& one : needs.resources) {
    if (one.count == 0) break;
    if (one.count > now_.resources[one.resource]) return false;
  }
  return true;
}

void free_resources::take(const task_needs& needs) {
  GRAPHITE_INVARIANT(fits(needs));
  now_.cpu_milli -= needs.cpu_milli;
  now_.memory_bytes -= needs.memory_bytes;
  for (const auto& one : needs.resources) now_.resources[one.resource] -= one.count;
}

void free_resources::give_back(const task_needs& needs) {
  now_.cpu_milli += needs.cpu_milli;
  now_.memory_bytes += needs.memory_bytes;
  for (const auto& one : needs.resources) now_.resources[one.resource] += one.count;
}

result<shape_index> shape_table::intern(const task_needs& needs) {
  if (needs.cpu_milli == 0) return fail(errc::invalid_argument, "a task needs some CPU");
  bool ended = false;
  int last = -1;
  for (const auto& one : needs.resources) {
    if (one.count == 0) {
      if (one.resource != 0) return fail(errc::invalid_argument, "a named resource is needed zero times");
      ended = true;
      continue;
    }
    if (ended || one.resource >= named_resources_max || one.resource <= last)
      return fail(errc::invalid_argument, "named resources are not known and ascending");
    last = one.resource;
  }
  if (const auto known = numbers_.find(needs); known != numbers_.end()) return known->second;
  if (all_.size() >= shapes_max)
    return fail(errc::busy, "tasks of " + std::to_string(shapes_max) + " different needs are known already");
  const auto made = numbers_.emplace(needs, static_cast<shape_index>(all_.size())).first;
  all_.push_back(&made->first);
  return made->second;
}

}  // namespace graphite
