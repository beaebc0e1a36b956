#include "platform/crypto/ssl_calls.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>

#include "tests/support/certificates.hpp"

namespace graphite {
namespace {

/// Two ends in memory that have shaken hands.
class memory_connection {
 public:
  memory_connection() : listener_(end_of(issued_)), dialler_(end_of(issued_)) {
    auto *to = BIO_new(BIO_s_mem()), *from = BIO_new(BIO_s_mem());
    BIO_up_ref(to);
    BIO_up_ref(from);
    SSL_set_bio(listener(), to, from);
    SSL_set_bio(dialler(), from, to);
    SSL_set_accept_state(listener());
    SSL_set_connect_state(dialler());
    for (int i = 0; i < 4; ++i) {
      (void)SSL_do_handshake(dialler());
      (void)SSL_do_handshake(listener());
    }
    ERR_clear_error();
  }
  SSL* listener() const { return listener_.get(); }
  SSL* dialler() const { return dialler_.get(); }

 private:
  using owned_ssl = std::unique_ptr<SSL, decltype(&SSL_free)>;
  static owned_ssl end_of(const tls_files& files) {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
    SSL_CTX_use_certificate_chain_file(context.get(), files.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM);
    return {SSL_new(context.get()), SSL_free};
  }

  test::temporary_folder folder_;
  tls_files issued_ = test::certificate_authority(folder_, "any").issue("one");
  owned_ssl listener_, dialler_;
};

/// What a peer that was cut off leaves behind in the thread.
void leave_an_error() { ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING); }

TEST(ssl_calls, do_not_take_another_peers_error_for_theirs) {
  const memory_connection connection;
  char bytes[512];
  while (SSL_read(connection.dialler(), bytes, sizeof bytes) > 0) {
  }
  leave_an_error();
  const auto got = SSL_read(connection.dialler(), bytes, sizeof bytes);
  EXPECT_LE(got, 0);
  EXPECT_EQ(SSL_get_error(connection.dialler(), got), SSL_ERROR_WANT_READ);
}

TEST(ssl_calls, each_empties_the_queue_first) {
  const memory_connection connection;
  char byte = 0;
  const auto left_after = [](auto call) {
    leave_an_error();
    call();
    return ERR_peek_error();
  };
  EXPECT_EQ(left_after([&] { EXPECT_EQ(SSL_connect(connection.dialler()), 1); }), 0U);
  EXPECT_EQ(left_after([&] { EXPECT_EQ(SSL_accept(connection.listener()), 1); }), 0U);
  EXPECT_EQ(left_after([&] { EXPECT_EQ(SSL_write(connection.listener(), &byte, 1), 1); }), 0U);
  EXPECT_EQ(left_after([&] { EXPECT_EQ(SSL_read(connection.dialler(), &byte, 1), 1); }), 0U);
}

TEST(ssl_calls, tell_others_than_caf_that_a_file_is_missing) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  EXPECT_NE(SSL_CTX_use_certificate_chain_file(context.get(), "/none"), 1);
  EXPECT_NE(SSL_CTX_use_PrivateKey_file(context.get(), "/none", SSL_FILETYPE_PEM), 1);
  EXPECT_NE(SSL_CTX_load_verify_locations(context.get(), "/none", nullptr), 1);
  ERR_clear_error();
}

TEST(ssl_calls, are_those_of_a_library_that_was_loaded_later) {
  auto* const library = ::dlopen(GRAPHITE_SSL_CALLER, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << ::dlerror();
  const auto got = check_ssl_calls("libssl_caller.so");
  EXPECT_TRUE(got) << got.error().context;
  ::dlclose(library);
}

TEST(ssl_calls, are_told_when_a_library_has_not_called_them_yet) {
  auto* const library = ::dlopen(GRAPHITE_SSL_CALLER, RTLD_LAZY | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << ::dlerror();
  const auto got = check_ssl_calls("libssl_caller.so");
  EXPECT_TRUE(got) << got.error().context;
  ::dlclose(library);
}

TEST(ssl_calls, that_go_elsewhere_are_refused) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers end a program that loads a library this way";
#endif
  // A library loaded so finds libssl before the program.
  auto* const library = ::dlopen(GRAPHITE_SSL_CALLER, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  ASSERT_NE(library, nullptr) << ::dlerror();
  const auto got = check_ssl_calls("libssl_caller.so");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unsupported);
  EXPECT_NE(got.error().context.find("SSL_read"), std::string::npos) << got.error().context;
  ::dlclose(library);
}

TEST(ssl_calls, of_a_library_that_is_not_there_are_not_found) {
  const auto got = check_ssl_calls("libssl_caller.so");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::not_found);
}

TEST(ssl_calls, that_a_library_does_not_make_are_refused) {
  const auto got = check_ssl_calls("libcrypto.so");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::unsupported);
}

}  // namespace
}  // namespace graphite
