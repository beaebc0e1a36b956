#pragma once

#include <memory>
#include <string>

#include "core/digest.hpp"
#include "core/error.hpp"

namespace graphite {

/// A whole file mapped read-only, of the size it had when it was opened. For files that do not shrink:
/// bundles' published files. Immutable.
class mapped_file {
 public:
  /// Errors: not_found, permission_denied, invalid_argument (not a regular file), io.
  static result<std::shared_ptr<const mapped_file>> open(const std::string& path);
  ~mapped_file();
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;

  byte_span bytes() const { return bytes_; }

 private:
  explicit mapped_file(byte_span bytes) : bytes_(bytes) {}
  byte_span bytes_;
};

}  // namespace graphite
