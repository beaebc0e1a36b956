#include "core/checksum.hpp"

#include <xxhash.h>

#include <new>

#include "core/error.hpp"

namespace graphite {

std::uint64_t checksum64(byte_span bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct checksum64_builder::state {
  explicit state(std::uint64_t seed) : value(XXH3_createState()) {
    if (value == nullptr) throw std::bad_alloc();
    XXH3_64bits_reset_withSeed(value, seed);
  }
  ~state() { XXH3_freeState(value); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  XXH3_state_t* value;
};

checksum64_builder::checksum64_builder(std::uint64_t seed) : state_(std::make_unique<state>(seed)) {}
checksum64_builder::~checksum64_builder() = default;
checksum64_builder::checksum64_builder(checksum64_builder&&) noexcept = default;
checksum64_builder& checksum64_builder::operator=(checksum64_builder&&) noexcept = default;

void checksum64_builder::feed(byte_span bytes) {
  if (!bytes.empty()) XXH3_64bits_update(state_->value, bytes.data(), bytes.size());
}

std::uint64_t checksum64_builder::value() const { return XXH3_64bits_digest(state_->value); }

}  // namespace graphite
