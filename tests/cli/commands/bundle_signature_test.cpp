#include "cli/bundle_signature.hpp"

#include <gtest/gtest.h>

#include "bundle/head_signature.hpp"
#include "core/credentials.hpp"
#include "core/hex.hpp"
#include "platform/crypto/ed25519.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/keys/key_text.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

/// A key of the year 2025, and a bundle of that June.
struct bundle_signatures : testing::Test {
  static std::int64_t moment(std::string_view text) { return parse_moment(text).value(); }

  test::temporary_folder place;
  std::unique_ptr<ed25519_signer> root = ed25519_signer::generate().value(),
                                  key = ed25519_signer::generate().value();
  openssl_hasher hash;
  head_file bundle;
  std::int64_t now = moment("2025-07-01");

  bundle_signatures() {
    bundle.value.channel = "main";
    bundle.value.root.bytes[0] = 1;
    bundle.value.published_unix_ns = moment("2025-06-01");
    const auto statement =
        sign_channel_key({"main", key->key(), 7, {moment("2025-01-01"), moment("2026-01-01")}}, *root)
            .value();
    bundle.signature = signed_head(signed_part(bundle.value, hash).value(), statement, *key).value();
    pin({root->key()});
  }
  void pin(const std::vector<pinned_root>& pins) { place.write("root.pub", pins_text(pins)); }
  std::string list(std::set<std::uint64_t> serials, const message_signer& by) {
    place.write("revocations",
                hex_text(encode_signed(sign_revocations({1, std::move(serials), {}}, by).value())) + "\n");
    return place / "revocations";
  }
  /// Why it is not believed; empty: it is.
  std::string why_not(const std::string& at = "", const std::string& revocations = "") {
    const auto good = check_signature(bundle, {place / "root.pub", revocations, at}, now);
    if (!good) {
      EXPECT_EQ(good.error().code, errc::permission_denied) << good.error().context;
    }
    return good ? "" : good.error().context;
  }
  errc code(const bundle_trust& trust) {
    const auto good = check_signature(bundle, trust, now);
    return good ? errc{} : good.error().code;
  }
};

TEST_F(bundle_signatures, count_while_the_key_does) {
  EXPECT_EQ(why_not(), "");
  EXPECT_EQ(code({}), errc{}) << "without a root they are not looked at";
  pin({key->key()});
  EXPECT_NE(why_not().find("pinned root did not sign"), std::string::npos);
}

TEST_F(bundle_signatures, of_an_ended_key_are_judged_as_of_a_time_that_is_named) {
  now = moment("2026-03-01");
  EXPECT_NE(why_not().find("has expired: where it is known"), std::string::npos) << why_not();
  EXPECT_NE(why_not().find("--at TIME"), std::string::npos);
  EXPECT_EQ(why_not("2025-07-01"), "");
  EXPECT_EQ(why_not("2025-12-31T23:59:59Z"), "");
  EXPECT_NE(why_not("2026-01-01").find("has expired"), std::string::npos);
  EXPECT_NE(why_not("2024-12-31").find("not valid yet"), std::string::npos);
  EXPECT_NE(why_not("2025-05-01").find("was not there then"), std::string::npos) << "it is of June";
  EXPECT_EQ(code({place / "root.pub", "", "2026-03-02"}), errc::invalid_argument) << "it is still to come";
}

TEST_F(bundle_signatures, of_a_revoked_key_never_count) {
  EXPECT_EQ(why_not("", list({8}, *root)), "");
  const auto revoked = list({7}, *root);
  EXPECT_NE(why_not("", revoked).find("key 7, which was revoked"), std::string::npos);
  EXPECT_NE(why_not("2025-06-15", revoked).find("key 7, which was revoked"), std::string::npos)
      << "a list does not say since when";
  EXPECT_NE(why_not("", list({8}, *key)).find("did not sign"), std::string::npos) << "anybody's list is none";
  place.write("revocations", "00\n");
  EXPECT_EQ(code({place / "root.pub", place / "revocations", ""}), errc::corrupt);
  EXPECT_EQ(code({place / "root.pub", place / "none", ""}), errc::not_found);
}

TEST_F(bundle_signatures, of_a_root_that_has_ended_are_judged_as_of_a_time_too) {
  pin({{root->key(), moment("2025-06-20")}});
  EXPECT_NE(why_not().find("get the new root.pub"), std::string::npos);
  EXPECT_EQ(why_not("2025-06-10"), "");
  EXPECT_NE(why_not("2025-06-10", list({7}, *root)).find("was revoked"), std::string::npos);
}

TEST_F(bundle_signatures, need_a_root_for_all_else) {
  EXPECT_EQ(code({"", place / "revocations", ""}), errc::invalid_argument);
  EXPECT_EQ(code({"", "", "2025-06-10"}), errc::invalid_argument);
}

TEST(moments, are_days_or_seconds_of_utc) {
  EXPECT_EQ(parse_moment("1970-01-02").value(), 86'400'000'000'000);
  EXPECT_EQ(parse_moment("2025-10-09T08:53:20Z").value(), 1'760'000'000'000'000'000);
  EXPECT_EQ(parse_moment("2024-02-29").value(), 1'709'164'800'000'000'000);
  for (const auto* text :
       {"", "2025", "2025-02-29", "2025-13-01", "2025-00-10", "2025-1-01", "2025-01-01T24:00:00Z",
        "2025-01-01T00:60:00Z", "2025-01-01T00:00:00", "2025-01-01 00:00:00Z", "1969-12-31", "9999-01-01",
        "+025-01-01", "2025-01-01T00:00:0xZ"})
    EXPECT_FALSE(parse_moment(text)) << text;
}

}  // namespace
}  // namespace graphite
