#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/secret.hpp"

namespace graphite {

/// What a client of loopback TCP shows in place of keys: made anew at each start, in a file that only our
/// user can read.
class start_token {
 public:
  static constexpr std::string_view prefix = "graphite-start.";
  static constexpr std::size_t random_bytes = 32;

  /// Writes `STATE/token` (mode 0600); the folder is there. The file goes with the object. Errors: io,
  /// out_of_space, permission_denied.
  static result<start_token> make(const std::string& state_folder);

  start_token(start_token&& other) noexcept = default;
  start_token& operator=(start_token&&) = delete;
  ~start_token();

  /// Takes equally long wherever `shown` differs.
  bool matches(std::string_view shown) const;
  const std::string& path() const { return path_; }

 private:
  start_token(std::string path, secret_bytes text) : path_(std::move(path)), text_(std::move(text)) {}
  std::string path_;
  secret_bytes text_;
};

}  // namespace graphite
