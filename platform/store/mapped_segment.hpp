#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "bundle/bundle_files.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// A segment file mapped read-only. Stays valid when the file is unlinked; bytes below the length checked
/// by range() never change. Thread-safe.
class mapped_segment final : public mapped_range {
 public:
  /// Maps `bytes` from the start, which may lie beyond the present end of a file that still grows.
  /// Errors: not_found, permission_denied, invalid_argument (no regular file), corrupt (empty), io.
  static result<std::shared_ptr<const mapped_segment>> open(const std::string& path, std::uint64_t bytes);
  ~mapped_segment() override;
  mapped_segment(const mapped_segment&) = delete;
  mapped_segment& operator=(const mapped_segment&) = delete;

  result<byte_span> range(std::uint64_t offset, std::uint64_t length) const override;
  result<void> read(std::uint64_t offset, std::span<std::byte> out) const override;
  void let_go(std::uint64_t offset, std::uint64_t length) const override;
  result<byte_span> all() const override;
  identity file() const override { return file_; }

 private:
  mapped_segment(std::string path, owned_fd fd, identity file, const std::byte* base, std::uint64_t bytes,
                 std::uint64_t known)
      : path_(std::move(path)),
        fd_(std::move(fd)),
        file_(file),
        grows_(known < bytes),
        base_(base),
        bytes_(bytes),
        known_bytes_(known) {}
  std::string path_;
  owned_fd fd_;
  const identity file_;
  const bool grows_;  ///< it was shorter than the mapping
  const std::byte* base_;
  std::uint64_t bytes_;
  mutable std::atomic<std::uint64_t> known_bytes_;  ///< the file had when last looked at
};

/// A content's bytes in place; the mapping lives as long as any view of it.
struct extent_view {
  std::shared_ptr<const void> owner;
  byte_span bytes;
};

}  // namespace graphite
