#include "relay/request_limits.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace graphite {

bool request_limits::take(buckets& from, const curve_key& who, event_rate allowed, time_point now) const {
  auto found = from.find(who);
  if (found == from.end()) {
    if (from.size() >= options_.clients_max)
      std::erase_if(from, [&](const auto& entry) { return entry.second.full(now); });
    if (from.size() >= options_.clients_max) return false;
    found = from.emplace(who, rate_limit(allowed)).first;
  }
  return found->second.take(now);
}

result<void> request_limits::take_request(const curve_key& who, time_point now) {
  if (take(requests_, who, options_.requests, now)) return {};
  return fail(errc::busy, fmt::format("more than {} requests a second: ask again in a second",
                                      options_.requests.per_second));
}

result<void> request_limits::take_enrolment(const curve_key& who, time_point now) {
  if (!take(enrolments_, who, options_.enrolments, now))
    return fail(errc::busy, fmt::format("more than {} enrolments a second: try again in a few seconds",
                                        options_.enrolments.per_second));
  if (!all_enrolments_.take(now))
    return fail(errc::busy, "too many clients enrol at once: try again in a few seconds");
  return {};
}

}  // namespace graphite
