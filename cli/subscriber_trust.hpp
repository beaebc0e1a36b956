#pragma once

#include <functional>
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

  /// Reads the files again where they are others now. `use` judges new keys first, where there are keys: what
  /// it refuses does not count. False where nothing has changed. Errors: those of open() and `use`; then all
  /// stays as it was, and the next call tries again.
  result<bool> look_again(std::int64_t unix_ns, const std::function<result<void>(const runtime_keys&)>& use);

  head_gate& gate() { return gate_; }
  /// Null where signatures are checked alone.
  const runtime_keys* keys() const { return keys_ ? &*keys_ : nullptr; }
  /// Keeps what the gate knows now. Errors: out_of_space, permission_denied, io.
  result<void> keep() const;

 private:
  /// What is read of the files that were given.
  struct read_files {
    std::string version;
    std::optional<runtime_keys> keys;
    std::vector<pinned_root> roots;
  };
  static result<read_files> read(const trust_options& options, std::int64_t unix_ns);
  static result<std::string> version_of(const trust_options& options);
  subscriber_trust(const trust_options& options, read_files files)
      : options_(options),
        file_(options.into + "/.graphite/trust"),
        gate_(std::move(files.roots), verifier_),
        keys_(std::move(files.keys)),
        version_(std::move(files.version)) {}
  void remember(std::int64_t unix_ns, log_sink& log);

  const trust_options options_;
  const std::string file_;
  ed25519_verifier verifier_;
  head_gate gate_;
  std::optional<runtime_keys> keys_;
  std::string version_;
};

byte_vector encode_trust(const trust_news& news);
/// Errors: corrupt.
result<trust_news> decode_trust(byte_span bytes);

}  // namespace graphite
