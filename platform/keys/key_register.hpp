#pragma once

#include <string>
#include <vector>

#include "core/statements.hpp"

namespace graphite {

/// One thing that a root gave out.
struct issued_key {
  enum class kind { channel_key, role_key, certificate, ticket, token };
  std::uint64_t serial = 0;
  kind what = kind::certificate;
  std::string name;   ///< of who has it
  std::string about;  ///< the channel, role, verbs or tenant
  validity valid;
  std::string key;  ///< public part in hexadecimal; empty for certificates and tokens
  bool operator==(const issued_key&) const = default;
};
std::string_view to_string(issued_key::kind what);

/// The file that tells what a root gave out: a line each, appended and synced before it is used, so that no
/// serial is given twice. One process at a time; blocks.
class key_register {
 public:
  /// Reads it; a file that is not there is an empty one. A last line that was cut short by a crash is left
  /// out. Errors: corrupt (names the line), permission_denied, too_large, io.
  static result<key_register> open(std::string path);

  const std::vector<issued_key>& rows() const { return rows_; }
  std::uint64_t next_serial() const;
  /// Errors: invalid_argument (a field that would not be read again), out_of_space, io.
  result<void> append(const issued_key& row);

 private:
  explicit key_register(std::string path) : path_(std::move(path)) {}
  std::string path_;
  std::vector<issued_key> rows_;
};

}  // namespace graphite
