#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// A file of records that is only appended to. A record is length, checksum, bytes; opening drops
/// everything behind the first record that is not whole, and says so where more than a torn end went. One
/// thread, but for descriptor().
class record_log {
 public:
  static constexpr std::uint32_t record_bytes_max = 1u << 30;

  /// `visit` sees every record in order, with the offset of its bytes. Made where it is missing.
  /// Errors: io, out_of_space, permission_denied.
  static result<record_log> open(int folder, const std::string& name,
                                 const std::function<void(std::uint64_t offset, byte_span record)>& visit);

  /// One write. Offsets of the records' bytes. On an error nothing was appended.
  result<std::vector<std::uint64_t>> append(const std::vector<byte_span>& records);
  result<void> read(std::uint64_t offset, std::span<std::byte> out) const;
  /// Replaces the file by one with only `records`; a crash leaves one or the other.
  result<std::vector<std::uint64_t>> rewrite(const std::vector<byte_span>& records);
  std::uint64_t bytes() const { return tail_; }
  /// Records that were once whole were dropped: not the newest ones only are missing.
  bool damaged() const { return damaged_; }
  int descriptor() const { return file_.get(); }

 private:
  record_log(int folder, std::string name, owned_fd file)
      : folder_(folder), name_(std::move(name)), file_(std::move(file)) {}
  result<void> scan(const std::function<void(std::uint64_t, byte_span)>& visit);

  int folder_;
  std::string name_;
  owned_fd file_;
  std::uint64_t tail_ = 0;
  bool damaged_ = false;
};

}  // namespace graphite
