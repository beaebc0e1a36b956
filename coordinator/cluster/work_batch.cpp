#include "coordinator/cluster/work_batch.hpp"

#include <utility>

#include "core/messages/control_sizes.hpp"

namespace graphite {

bool work_batch::has_room(std::size_t bytes, std::size_t assignments, std::size_t stops) const {
  const bool first = now_.assignments.empty() && now_.stops.empty();
  return first || (bytes_ + bytes <= message_bytes_ &&
                   now_.assignments.size() + assignments <= control_limits::attempts_max &&
                   now_.stops.size() + stops <= control_limits::attempts_max);
}

void work_batch::close() {
  full_.push_back(std::exchange(now_, {}));
  bytes_ = 0;
  numbers_.next_message();
}

void work_batch::add(control::assignment what, recipe_id recipe, const control::recipe& how) {
  const auto bytes = control::bytes_of(what);
  if (!has_room(bytes, 1, 0)) close();
  auto told = numbers_.number_of(recipe);
  if (!told) {
    close();
    told = numbers_.number_of(recipe);
  }
  GRAPHITE_INVARIANT(told);
  if (told->fresh) {
    const auto more = control::bytes_of(how);
    if (!has_room(bytes + more, 1, 0)) {
      close();
      numbers_.number_of(recipe);  // the next message uses it, too
    }
    now_.recipes.push_back(how);
    now_.recipes.back().number = told->number;
    bytes_ += more;
  }
  what.recipe = told->number;
  bytes_ += bytes;
  now_.assignments.push_back(std::move(what));
}

void work_batch::add(const control::stop& what) {
  if (!has_room(control::stop_bytes, 0, 1)) close();
  bytes_ += control::stop_bytes;
  now_.stops.push_back(what);
}

std::vector<control::work> work_batch::take(std::uint64_t acknowledged) {
  if (!now_.assignments.empty() || !now_.stops.empty()) close();
  auto out = std::exchange(full_, {});
  for (auto& one : out) one.acknowledged = acknowledged;
  return out;
}

}  // namespace graphite
