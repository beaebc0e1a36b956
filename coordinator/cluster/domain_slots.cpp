#include "coordinator/cluster/domain_slots.hpp"

#include <algorithm>

namespace graphite {

void domain_slots::run(const placed& what) {
  free_.take(*what.needs);
  running_.push_back(what);
  if (is_short(what.expected_ns))
    ++short_running_;
  else
    soon_.take(*what.needs);
}

void domain_slots::start(attempt what, const task_needs& needs, std::uint64_t expected_ns) {
  GRAPHITE_INVARIANT(waiting_.empty() && free_.fits(needs));
  run({what, &needs, expected_ns});
}

void domain_slots::queue(attempt what, const task_needs& needs, std::uint64_t expected_ns) {
  GRAPHITE_INVARIANT(may_queue(needs, expected_ns) && !fits(needs));
  waiting_.push_back({what, &needs, expected_ns});
  waiting_ns_ += expected_ns;
}

void domain_slots::remove(attempt what, std::vector<attempt>& started) {
  const auto same = [&](const placed& one) { return one.what == what; };
  if (const auto here = std::find_if(running_.begin(), running_.end(), same); here != running_.end()) {
    free_.give_back(*here->needs);
    if (is_short(here->expected_ns))
      --short_running_;
    else
      soon_.give_back(*here->needs);
    *here = running_.back();
    running_.pop_back();
  } else {
    const auto ahead = std::find_if(waiting_.begin(), waiting_.end(), same);
    GRAPHITE_INVARIANT(ahead != waiting_.end());
    waiting_ns_ -= ahead->expected_ns;
    waiting_.erase(ahead);
  }
  while (!waiting_.empty() && free_.fits(*waiting_.front().needs)) {
    const auto next = waiting_.front();
    waiting_.pop_front();
    waiting_ns_ -= next.expected_ns;
    run(next);
    started.push_back(next.what);
  }
}

std::vector<domain_slots::attempt> domain_slots::attempts() const {
  std::vector<attempt> out;
  for (const auto& one : running_) out.push_back(one.what);
  for (const auto& one : waiting_) out.push_back(one.what);
  return out;
}

}  // namespace graphite
