#pragma once

#include <memory>
#include <string>

#include "core/ports/log.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/keys/loaded_keys.hpp"
#include "runtime/head_gate.hpp"

namespace graphite {

/// Whom a subscription believes.
struct trust_options {
  std::string keys;  ///< folder that `graphite keys ticket` made; empty: none
  std::string root;  ///< file of pinned roots, for signatures alone; empty: that of `keys`
  std::string into;  ///< folder where what was learned is kept
};

/// The pinned roots of a subscription and what it has learned from them, across restarts. One thread.
class subscriber_trust {
 public:
  /// Null where neither keys nor roots are given: then nothing has to be signed. A file of learned things
  /// that is damaged is left out with a warning. Errors: those of load_runtime_keys and load_pins.
  static result<std::unique_ptr<subscriber_trust>> open(const trust_options& options, std::int64_t unix_ns,
                                                        log_sink& log);

  head_gate& gate() { return gate_; }
  /// Null where signatures are checked alone.
  const runtime_keys* keys() const { return keys_ ? &*keys_ : nullptr; }
  /// Keeps what the gate knows now. Errors: out_of_space, permission_denied, io.
  result<void> keep() const;

 private:
  subscriber_trust(std::vector<public_key> roots, std::string file)
      : file_(std::move(file)), gate_(std::move(roots), verifier_) {}
  void remember(std::int64_t unix_ns, log_sink& log);

  const std::string file_;
  ed25519_verifier verifier_;
  head_gate gate_;
  std::optional<runtime_keys> keys_;
};

byte_vector encode_trust(const trust_news& news);
/// Errors: corrupt.
result<trust_news> decode_trust(byte_span bytes);

}  // namespace graphite
