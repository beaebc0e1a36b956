#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/console.hpp"
#include "core/ports/audit_sink.hpp"
#include "core/ports/log.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/keys/key_authority.hpp"
#include "platform/linux/clock.hpp"

namespace graphite {

/// Where the record of a folder of keys is: DIR/root/audit.
std::string keys_audit_folder(const std::string& keys);

/// A folder of keys that is open, and the record of what is done with it: serials, kinds and names, never
/// keys.
///
/// What fails is recorded, too, as it may have been half done. One thread.
class recorded_keys {
 public:
  /// `out` outlives it. Errors: those of key_authority::open and open_audit_file: what cannot be recorded is
  /// not done.
  static result<std::unique_ptr<recorded_keys>> open(const std::string& folder, console& out);
  /// Of a folder that was made just now.
  static result<std::unique_ptr<recorded_keys>> adopt(key_authority made, const std::string& folder,
                                                      console& out);

  key_authority* operator->() { return &keys_; }
  key_authority& operator*() { return keys_; }

  void did(std::string_view what, const std::string& about);
  /// A line for each.
  void gave(std::string_view what, const std::vector<issued_key>& rows);
  /// Records it, reports it and gives its exit code.
  int failed(std::string_view what, const std::string& about, const error& why);

 private:
  /// Says on the console what the record cannot say.
  class warnings final : public log_sink {
   public:
    explicit warnings(console& out) : out_(out) {}
    void write(log_level, std::string_view text) override { out_.warn(text); }

   private:
    console& out_;
  };
  recorded_keys(key_authority keys, console& out) : keys_(std::move(keys)), out_(out), warnings_(out) {}

  key_authority keys_;
  console& out_;
  warnings warnings_;
  openssl_hasher hash_;
  system_clock_source clock_;
  std::unique_ptr<audit_sink> record_;
};

}  // namespace graphite
