#pragma once

#include <kj/async-io.h>

#include <array>
#include <string>

#include "platform/crypto/tls_server.hpp"

namespace graphite {

/// What a client says and hears by TLS, over a connection that has none and outlives this. At most one call
/// at a time. Lives on one event loop's thread.
///
/// Beside kj-tls, for clients that are not ours: those of HTTP resume sessions, which kj-tls 0.9.2 offers and
/// then refuses where it asks for certificates; and it tells why a certificate does not count.
class tls_stream final : public kj::AsyncInputStream, public kj::AsyncOutputStream {
 public:
  tls_stream(kj::AsyncIoStream& inner, tls_session session) : inner_(inner), session_(std::move(session)) {}

  /// Before anything else. Fails with what to do about it, and has told the client.
  kj::Promise<void> shake_hands();
  /// Of the client's certificate, once hands are shaken.
  std::string peer_common_name() const { return session_.peer_common_name(); }
  /// Tells the client that nothing more comes, after the last write.
  kj::Promise<void> end();

  kj::Promise<size_t> tryRead(void* buffer, size_t least, size_t most) override;
  kj::Promise<void> write(const void* buffer, size_t size) override;
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override;
  kj::Promise<void> whenWriteDisconnected() override { return inner_.whenWriteDisconnected(); }

 private:
  kj::Promise<void> send();
  kj::Promise<bool> receive();
  kj::Promise<void> send_and_fail(const error& why);

  kj::AsyncIoStream& inner_;
  tls_session session_;
  std::array<std::byte, 4'096> came_;
};

}  // namespace graphite
