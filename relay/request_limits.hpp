#pragma once

#include <map>

#include "core/credentials.hpp"
#include "core/rate_limit.hpp"

namespace graphite {

/// How much each client may ask of the chunk port, and all together may enrol.
///
/// Pure; one thread. Bounded: `clients_max` keys are remembered; where that many are active at once, another
/// one is refused.
class request_limits {
 public:
  struct options {
    event_rate requests{2000, 4000};     ///< of one key with a grant
    event_rate enrolments{1, 5};         ///< of one key, and all that it asks without a grant
    event_rate all_enrolments{50, 200};  ///< of all keys: each costs signatures
    std::size_t clients_max = 8192;
  };
  explicit request_limits(options chosen) : options_(chosen), all_enrolments_(chosen.all_enrolments) {}

  /// Errors: busy, which says the limit.
  result<void> take_request(const curve_key& who, time_point now);
  result<void> take_enrolment(const curve_key& who, time_point now);
  std::size_t remembered() const { return requests_.size() + enrolments_.size(); }

 private:
  using buckets = std::map<curve_key, rate_limit>;
  bool take(buckets& from, const curve_key& who, event_rate allowed, time_point now) const;

  const options options_;
  buckets requests_, enrolments_;
  rate_limit all_enrolments_;
};

}  // namespace graphite
