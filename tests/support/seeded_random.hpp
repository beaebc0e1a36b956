#pragma once

#include <random>

#include "core/ports/random.hpp"

namespace graphite::test {

/// The same numbers for the same seed.
class seeded_random final : public random_source {
 public:
  explicit seeded_random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace graphite::test
