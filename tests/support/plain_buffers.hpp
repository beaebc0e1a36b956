#pragma once

#include <unistd.h>

#include <cstdlib>

#include "core/ports/buffers.hpp"

namespace graphite {

/// Buffers of the C library, of as many pages as are asked for; fails when told. One thread.
class plain_buffers final : public buffers {
 public:
  explicit plain_buffers(std::size_t bytes_max = std::size_t{1} << 30) : bytes_max_(bytes_max) {}

  result<buffer> take(std::size_t bytes) override {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto whole = bytes / page * page + (bytes % page != 0 ? page : 0);
    if (bytes > bytes_max_ || whole > bytes_max_) return fail(errc::too_large, "more than the pool ever has");
    if (whole > bytes_max_ - in_use_) return fail(errc::busy, "all is in use");
    if (fails_) return fail(errc::out_of_space, "no memory");
    in_use_ += whole;
    return buffer(*this, {static_cast<std::byte*>(std::aligned_alloc(page, whole ? whole : page)), whole},
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
