#include "platform/crypto/tls_files.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/certificates.hpp"
#include "tests/support/certificates.hpp"

namespace graphite {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t seconds_from_now(long seconds) { return (std::time(nullptr) + seconds) * second_ns; }

class tls_file_check : public ::testing::Test {
 protected:
  /// What is said of `files`, at a time.
  errc refused(const tls_files& files, long after_s = 0) {
    const auto got = check_tls_files(files, seconds_from_now(after_s));
    EXPECT_FALSE(got);
    if (got) return errc::busy;
    text_ = got.error().context;
    EXPECT_EQ(text_.find("PRIVATE"), std::string::npos);
    return got.error().code;
  }
  test::temporary_folder folder_;
  test::certificate_authority authority_{folder_, "control"};
  tls_files files_ = authority_.issue("one");
  std::string text_;
};

TEST_F(tls_file_check, takes_a_certificate_of_the_authority) {
  const auto got = check_tls_files(files_, seconds_from_now(0));
  EXPECT_TRUE(got) << got.error().context;
}

TEST_F(tls_file_check, takes_a_certificate_for_any_purpose) {
  EXPECT_TRUE(check_tls_files(authority_.issue("any", {.purposes = {}}), seconds_from_now(0)));
}

TEST_F(tls_file_check, takes_what_is_made_for_a_peer) {
  const validity valid{seconds_from_now(-100), seconds_from_now(100)};
  const auto made_authority = make_authority({"control", {}, certificate_use::authority, 1, valid}).value();
  folder_.write("made-ca.crt", made_authority.certificate);
  const auto issued = [&](certificate_use use) {
    const auto made = issue_certificate(made_authority, {"node-1", {}, use, 2, valid}).value();
    folder_.write("made.crt", made.certificate);
    folder_.write("made.key", as_text(made.key.view()));
    std::filesystem::permissions(folder_ / "made.key", std::filesystem::perms(0600));
    return tls_files{folder_ / "made.crt", folder_ / "made.key", folder_ / "made-ca.crt"};
  };
  const auto got = check_tls_files(issued(certificate_use::peer), seconds_from_now(0));
  EXPECT_TRUE(got) << got.error().context;
  EXPECT_EQ(refused(issued(certificate_use::client)), errc::permission_denied);
  EXPECT_EQ(refused(issued(certificate_use::server)), errc::permission_denied);
}

TEST_F(tls_file_check, refuses_a_certificate_for_one_end_only) {
  EXPECT_EQ(refused(authority_.issue("server", {.purposes = "serverAuth"})), errc::permission_denied);
  EXPECT_EQ(refused(authority_.issue("client", {.purposes = "clientAuth"})), errc::permission_denied);
}

TEST_F(tls_file_check, refuses_what_has_not_begun_or_has_ended) {
  EXPECT_EQ(refused(files_, -5000), errc::permission_denied);
  EXPECT_EQ(refused(files_, 5000), errc::permission_denied);
  EXPECT_NE(text_.find("expired"), std::string::npos) << text_;
}

TEST_F(tls_file_check, refuses_what_outlives_its_authority) {
  const test::certificate_authority brief(folder_, "brief", test::key_kind::p256, 100);
  const auto files = brief.issue("two");
  EXPECT_TRUE(check_tls_files(files, seconds_from_now(0)));
  EXPECT_EQ(refused(files, 200), errc::permission_denied);
}

TEST_F(tls_file_check, refuses_the_certificate_of_another_authority) {
  const test::certificate_authority strange(folder_, "strange");
  files_.authority = folder_ / "strange.crt";
  EXPECT_EQ(refused(files_), errc::permission_denied);
}

TEST_F(tls_file_check, refuses_another_key) {
  files_.key = authority_.issue("two").key;
  EXPECT_EQ(refused(files_), errc::corrupt);
}

TEST_F(tls_file_check, refuses_a_key_that_others_may_read) {
  for (const unsigned mode : {0640U, 0604U, 0620U, 0660U, 0601U}) {
    std::filesystem::permissions(files_.key, std::filesystem::perms(mode));
    EXPECT_EQ(refused(files_), errc::permission_denied) << mode;
  }
  std::filesystem::permissions(files_.key, std::filesystem::perms(0400));
  EXPECT_TRUE(check_tls_files(files_, seconds_from_now(0)));
}

TEST_F(tls_file_check, refuses_what_is_no_pem) {
  auto files = files_;
  folder_.write("text", "no certificate");
  files.certificate = folder_ / "text";
  EXPECT_EQ(refused(files), errc::corrupt);
  files = files_;
  files.authority = folder_ / "text";
  EXPECT_EQ(refused(files), errc::corrupt);
  files = files_;
  folder_.write("one.key", "secret words");
  EXPECT_EQ(refused(files), errc::corrupt);
  EXPECT_EQ(text_.find("secret"), std::string::npos) << text_;
}

TEST_F(tls_file_check, refuses_what_is_missing_large_or_no_file) {
  auto files = files_;
  files.certificate = folder_ / "none";
  EXPECT_EQ(refused(files), errc::not_found);
  files.certificate = folder_.path();
  EXPECT_EQ(refused(files), errc::corrupt);
  folder_.write("large", std::string(tls_file_bytes_max + 1, 'x'));
  files.certificate = folder_ / "large";
  EXPECT_EQ(refused(files), errc::too_large);
  files.certificate.clear();
  EXPECT_EQ(refused(files), errc::invalid_argument);
}

}  // namespace
}  // namespace graphite
