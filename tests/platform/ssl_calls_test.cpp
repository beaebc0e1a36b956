#include "platform/crypto/ssl_calls.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>

namespace graphite {
namespace {

TEST(ssl_calls, each_empties_the_queue_first) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context.get()), SSL_free);
  // Over memory that has nothing to read yet: each call has to wait, which is no error.
  SSL_set_bio(session.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  char byte = 0;
  const auto waits = [&](int outcome) {
    return outcome <= 0 && SSL_get_error(session.get(), outcome) == SSL_ERROR_WANT_READ;
  };
  const auto dirty = [] {
    ERR_put_error(ERR_LIB_SSL, 0, SSL_R_UNEXPECTED_EOF_WHILE_READING, __FILE__, __LINE__);
    return ERR_peek_error() != 0;
  };
  SSL_set_connect_state(session.get());
  EXPECT_TRUE(dirty() && waits(SSL_connect(session.get())));
  EXPECT_TRUE(dirty() && waits(SSL_read(session.get(), &byte, 1)));
  EXPECT_TRUE(dirty() && waits(SSL_write(session.get(), &byte, 1)));
  EXPECT_EQ(SSL_clear(session.get()), 1);
  SSL_set_accept_state(session.get());
  EXPECT_TRUE(dirty() && waits(SSL_accept(session.get())));
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
