#pragma once

#include <cstdlib>

#include "core/ports/buffers.hpp"

namespace graphite {

/// Buffers of the C library, of exactly the size that is asked for; fails when told. One thread.
class plain_buffers final : public buffers {
 public:
  explicit plain_buffers(std::size_t bytes_max = std::size_t{1} << 30) : bytes_max_(bytes_max) {}

  result<buffer> take(std::size_t bytes) override {
    const auto whole = (bytes + 4095) / 4096 * 4096;
    if (bytes > bytes_max_ || whole > bytes_max_) return fail(errc::too_large, "more than the pool ever has");
    if (whole > bytes_max_ - in_use_) return fail(errc::busy, "all is in use");
    if (fails_) return fail(errc::out_of_space, "no memory");
    in_use_ += whole;
    return buffer(*this, {static_cast<std::byte*>(std::aligned_alloc(4096, whole ? whole : 4096)), whole},
                  nullptr);
  }
  buffers_facts facts() const override {
    return {
        .bytes_max = bytes_max_, .bytes_held = in_use_, .bytes_in_use = in_use_, .node = {}, .reason = {}};
  }

  /// From now on the system has no memory, or has some again.
  void fail_takes(bool fails) { fails_ = fails; }

 private:
  void give_back(std::span<std::byte> bytes, void*) override {
    in_use_ -= bytes.size();
    std::free(bytes.data());
  }

  std::size_t bytes_max_, in_use_ = 0;
  bool fails_ = false;
};

}  // namespace graphite
