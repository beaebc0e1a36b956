#pragma once

#include <cstdint>
#include <span>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/units.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// Memory that two processes share, seen through a window of fixed address. One thread.
class shared_window {
 public:
  enum class access { read, write };

  shared_window() = default;
  shared_window(shared_window&& other) noexcept;
  shared_window& operator=(shared_window&& other) noexcept;
  ~shared_window();

  /// New memory that may grow up to `bytes` (none of it there yet), to be written here; read_only() is for
  /// who shall only read. Errors: io.
  static result<shared_window> make_growing(const char* name, std::uint64_t bytes);
  /// New memory of exactly `bytes`, whose size nobody can change any more, so that no reader meets its end;
  /// it takes memory only where it is written. To be read here. Errors: io.
  static result<shared_window> make_fixed(const char* name, std::uint64_t bytes);
  /// Memory that another process has made. Errors: io.
  static result<shared_window> open(owned_fd memory, std::uint64_t bytes, access how);

  /// The window; of a growing one only what was made() can be touched.
  std::span<std::byte> bytes() const { return {base_, size_}; }
  int descriptor() const { return memory_.get(); }
  /// A descriptor of the same memory that can only be read and mapped to be read. Errors: io.
  result<owned_fd> read_only() const;
  /// Of a growing one: the first `bytes` can be used. Errors: too_large, out_of_space, io.
  result<void> make(std::uint64_t bytes);
  /// Gives back what lies beyond `keep` bytes. Errors: io.
  result<void> shrink(std::uint64_t keep);

 private:
  result<void> map(access how);

  owned_fd memory_;
  std::byte* base_ = nullptr;
  std::uint64_t size_ = 0, made_ = 0;
  bool growing_ = false;
};

}  // namespace graphite
