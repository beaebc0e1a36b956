#include "core/tls_failure.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

TEST(tls_failure, is_told_in_words_that_say_what_to_do) {
  EXPECT_EQ(tls_failure_text(
                "OpenSSL error; message = error:0A00045C:SSL routines::tlsv13 alert certificate required"),
            "the service asks for a certificate: name the folder of keys, --keys DIR");
  EXPECT_EQ(tls_failure_text("error:0A0000C7:SSL routines::peer did not return a certificate"),
            "it shows no certificate");
}

TEST(tls_failure, tells_the_reason_where_there_is_one_beside_the_verdict) {
  const std::string verdict = "error:0A000086:SSL routines::certificate verify failed";
  EXPECT_EQ(tls_failure_text("error:4080000A:lib(129)::certificate has expired\n" + verdict),
            "its certificate has expired");
  EXPECT_EQ(tls_failure_text("error:40800014:lib(129)::unable to get local issuer certificate\n" + verdict),
            "its certificate is not of this authority");
  EXPECT_EQ(tls_failure_text(verdict),
            "its certificate does not count: of another authority, for another use or out of its time");
}

TEST(tls_failure, is_none_where_a_peer_just_went) {
  EXPECT_FALSE(tls_failure_text("peer disconnected"));
  EXPECT_FALSE(tls_failure_text(""));
}

}  // namespace
}  // namespace graphite
