#include "platform/crypto/tls_reasons.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <stdexcept>

namespace graphite {
namespace {

using context_ptr = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;

context_ptr server_context() {
  context_ptr out(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_set_verify(out.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return out;
}
bool gives_reasons(const context_ptr& context) {
  return SSL_CTX_get_verify_callback(context.get()) != nullptr;
}

TEST(tls_reasons, are_given_by_what_was_made_and_by_nothing_else) {
  const auto before = server_context();
  context_ptr inside = server_context();
  with_tls_reasons([&] { inside = server_context(); });
  EXPECT_TRUE(gives_reasons(inside));
  EXPECT_EQ(SSL_CTX_get_verify_mode(inside.get()), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
  EXPECT_FALSE(gives_reasons(before));
  EXPECT_FALSE(gives_reasons(server_context()));
}

// The library frees a context that it cannot make whole, and throws.
TEST(tls_reasons, leave_alone_what_was_given_up) {
  context_ptr inside = server_context();
  with_tls_reasons([&] {
    server_context().reset();
    inside = server_context();
  });
  EXPECT_TRUE(gives_reasons(inside));
  EXPECT_THROW(with_tls_reasons([] {
                 const auto given_up = server_context();
                 throw std::runtime_error("a key that cannot be read");
               }),
               std::runtime_error);
  EXPECT_FALSE(gives_reasons(server_context()));
}

}  // namespace
}  // namespace graphite
