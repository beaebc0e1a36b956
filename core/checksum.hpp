#pragma once

#include <cstdint>
#include <memory>

#include "core/digest.hpp"

namespace graphite {

/// XXH3-64 of `bytes`: finds torn and rotten bytes quickly. Says nothing against an adversary; that is
/// what digests are for.
std::uint64_t checksum64(byte_span bytes, std::uint64_t seed = 0);

/// The same in slices: any slicing gives the value of the whole. One thread; movable.
class checksum64_builder {
 public:
  explicit checksum64_builder(std::uint64_t seed = 0);
  ~checksum64_builder();
  checksum64_builder(checksum64_builder&&) noexcept;
  checksum64_builder& operator=(checksum64_builder&&) noexcept;

  void feed(byte_span bytes);
  /// Of all that was fed so far.
  std::uint64_t value() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace graphite
