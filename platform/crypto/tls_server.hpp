#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/secret.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace graphite {

/// The server's side of one TLS connection: takes the bytes that came, gives those that are to be sent. It
/// has no socket and never waits. One thread.
///
///   shaking hands --shake_hands()--> open --end(), or the client's end--> ended
///
/// Bound: what take() got and nobody asked for yet, so that who feeds it bounds it, and a record of TLS.
/// After an error it is good for give() alone: the client is told by an alert.
class tls_session {
 public:
  /// Bytes of the client.
  void take(byte_span came);
  /// Bytes for the client; empty: none. After each of the other calls.
  byte_vector give();

  /// True: done; false: the client has to say more. Errors, in the library's words: permission_denied (its
  /// certificate does not count, and why), corrupt (anything else).
  result<bool> shake_hands();
  /// How many bytes are in `into` (not empty) now; 0: the client ended it; nothing: it has to say more.
  /// Errors: corrupt.
  result<std::optional<std::size_t>> read(std::span<std::byte> into);
  /// `what` is for give() from now on. Errors: corrupt.
  result<void> write(byte_span what);
  /// Tells the client that nothing more comes.
  void end();

  /// Of the client's certificate, which was verified; empty: hands were not shaken.
  std::string peer_common_name() const;

 private:
  friend class tls_server;
  struct free_session {
    void operator()(ssl_st* it) const;
  };
  explicit tls_session(ssl_st* begun) : tls_(begun) {}

  std::unique_ptr<ssl_st, free_session> tls_;
};

/// Who a server is and whom it lets in. Never changes: its sessions may be begun by any thread, and outlive
/// it.
class tls_server {
 public:
  /// TLS 1.3 alone, for whom `authority` gave a client's certificate. All texts are PEM. Sessions are not
  /// resumed: each shows its certificate. Errors: corrupt (a text that cannot be read, a key of another
  /// certificate), io.
  static result<std::shared_ptr<const tls_server>> make(std::string_view certificate, const secret_bytes& key,
                                                        std::string_view authority);
  /// For one client. Errors: io (no memory).
  result<tls_session> begin() const;

 private:
  struct free_context {
    void operator()(ssl_ctx_st* it) const;
  };
  explicit tls_server(ssl_ctx_st* made) : context_(made) {}

  std::unique_ptr<ssl_ctx_st, free_context> context_;
};

}  // namespace graphite
