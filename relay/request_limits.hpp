#pragma once

#include <map>

#include "core/credentials.hpp"
#include "core/units.hpp"

namespace graphite {

/// How often something may happen: `per_second`, and `burst` at once.
struct rate {
  double per_second = 1;
  double burst = 1;
};

/// A token bucket. Pure.
class token_bucket {
 public:
  explicit token_bucket(rate allowed) : allowed_(allowed), tokens_(allowed.burst) {}
  /// Takes one; false where none is left.
  bool take(time_point now);
  /// As if it had never been used.
  bool full(time_point now) const;

 private:
  void refill(time_point now);
  rate allowed_;
  double tokens_;
  time_point refilled_{};
};

/// How much each client may ask of the chunk port, and all together may enrol.
///
/// Pure; one thread. Bounded: `clients_max` keys are remembered; where that many are active at once, another
/// one is refused.
class request_limits {
 public:
  struct options {
    rate requests{2000, 4000};     ///< of one key with a grant
    rate enrolments{1, 5};         ///< of one key, and all that it asks without a grant
    rate all_enrolments{50, 200};  ///< of all keys: each costs signatures
    std::size_t clients_max = 8192;
  };
  explicit request_limits(options chosen) : options_(chosen), all_enrolments_(chosen.all_enrolments) {}

  /// Errors: busy, which says the limit.
  result<void> take_request(const curve_key& who, time_point now);
  result<void> take_enrolment(const curve_key& who, time_point now);
  std::size_t remembered() const { return requests_.size() + enrolments_.size(); }

 private:
  using buckets = std::map<curve_key, token_bucket>;
  bool take(buckets& from, const curve_key& who, rate allowed, time_point now) const;

  const options options_;
  buckets requests_, enrolments_;
  token_bucket all_enrolments_;
};

}  // namespace graphite
