#include "core/client_identity.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

const client_identity ann{"ann", {verb::query, verb::publish}, 17};

TEST(client_identity, has_one_text) {
  EXPECT_EQ(encode_client_identity(ann).value(), "graphite:qp:ann:17");
  EXPECT_EQ(encode_client_identity({"ci", verb_set::all(), 0}).value(), "graphite:qbpo:ci:0");
  EXPECT_EQ(parse_client_identity("graphite:qp:ann:17").value(), ann);
}

TEST(client_identity, comes_back_for_every_set_of_verbs) {
  for (std::uint8_t bits = 1; bits <= verb_set::all_bits; ++bits) {
    const client_identity one{"build-server_2.local", verb_set::from_bits(bits), ~std::uint64_t{0}};
    const auto text = encode_client_identity(one);
    ASSERT_TRUE(text) << text.error().context;
    EXPECT_EQ(parse_client_identity(*text).value(), one);
  }
}

TEST(client_identity, fits_into_a_certificate_or_is_refused) {
  client_identity one{"", verb_set::all(), 1};
  one.name.assign(client_identity_bytes_max - std::string_view("graphite:qbpo::1").size(), 'n');
  EXPECT_EQ(encode_client_identity(one).value().size(), client_identity_bytes_max);
  EXPECT_TRUE(parse_client_identity(encode_client_identity(one).value()));
  one.name += 'n';
  const auto refused = encode_client_identity(one);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid_argument);
  EXPECT_NE(refused.error().context.find("1 bytes too long"), std::string::npos);
}

TEST(client_identity, without_name_or_verb_is_none) {
  EXPECT_FALSE(encode_client_identity({"", {verb::query}, 1}));
  EXPECT_FALSE(encode_client_identity({"a:b", {verb::query}, 1}));
  EXPECT_FALSE(encode_client_identity({"ann", {}, 1}));
}

TEST(client_identity, is_read_strictly) {
  for (const auto* text : {
           "",
           "graphite-server",
           "graphite:",
           "graphite:q",
           "graphite:q:ann",
           "graphite:q:ann:",
           "graphite::ann:1",
           "graphite:q::1",
           "graphite:bq:ann:1",  // another order: a second text
           "graphite:qq:ann:1",
           "graphite:x:ann:1",
           "graphite:q:ann:01",
           "graphite:q:ann:+1",
           "graphite:q:ann:-1",
           "graphite:q:ann: 1",
           "graphite:q:ann:1 ",
           "graphite:q:ann:0x1",
           "graphite:q:ann:1:2",
           "graphite:q:../ann:1",
           "graphite:q:.ann:1",
           "Graphite:q:ann:1",
           " graphite:q:ann:1",
           "graphite:q:ann:18446744073709551616",
       })
    EXPECT_FALSE(parse_client_identity(text)) << text;
  EXPECT_FALSE(parse_client_identity(std::string_view("graphite:q:ann:1\0", 17)));
  EXPECT_FALSE(parse_client_identity(std::string_view("graphite:q:a\0n:1", 16)));
  EXPECT_FALSE(parse_client_identity("graphite:q:" + std::string(60, 'a') + ":1"));
}

TEST(client_identity, is_not_repeated_where_it_is_refused) {
  EXPECT_EQ(parse_client_identity("graphite:q:\x1b[31m:1").error().context.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace graphite
