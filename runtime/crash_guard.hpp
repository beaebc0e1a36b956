#pragma once

#include <string>
#include <vector>

#include "bundle/head.hpp"
#include "core/error.hpp"
#include "core/units.hpp"

namespace graphite {

/// Which generations crash the programs that show them: kept in a small record from start to start.
///
/// A program that ends within `window` of a generation's becoming current, and did not say that it ends,
/// counts as crashed by it; after `crashes_max` in a row that generation is held. Pure: the caller keeps the
/// record (encode()) whenever changed() says so, before readers see the generation. Bounds: held_max.
class crash_guard {
 public:
  static constexpr std::size_t held_max = 64;
  struct options {
    duration window = seconds(10);
    unsigned crashes_max = 3;  ///< 0: nothing is ever held
  };
  struct held_generation {
    digest root;
    std::uint64_t epoch = 0, sequence = 0;
  };

  /// `record`: what the last start left; empty: nothing. A damaged one counts as nothing.
  crash_guard(options options, byte_span record);

  /// Held generations are passed over, by the root of their index: the same assets crash the same way.
  bool holds(const digest& root) const;
  /// `shown` becomes current.
  void activate(const head& shown, time_point now);
  /// To be called when settles_at() has come: the current generation has proved itself.
  void tick(time_point now);
  time_point settles_at() const { return settles_at_; }
  /// The program ends as it should.
  void end() { settle(); }
  void lift_all();

  const std::vector<held_generation>& held() const { return held_; }
  /// Held by this start: to be reported.
  const std::vector<held_generation>& newly_held() const { return newly_held_; }
  /// True once after each change of the record.
  bool take_changed();
  byte_vector encode() const;

 private:
  void settle();
  bool decode(byte_span record);

  const options options_;
  std::vector<held_generation> held_, newly_held_;
  held_generation trying_;  ///< zero root: the current one has proved itself
  unsigned crashes_ = 0;    ///< of `trying_`, in a row
  time_point settles_at_ = time_point::max();
  bool changed_ = false;
};

}  // namespace graphite
