#include "coordinator/action_history.hpp"

#include <gtest/gtest.h>

#include "platform/crypto/sha256.hpp"

namespace graphite::test {
namespace {

using components = std::vector<key_component>;

action_history history_of(components parts) {
  action_history out;
  out.reason = "changed";
  out.cause = "a/b.txt";
  out.revision = 7;
  out.strong.bytes[0] = static_cast<std::uint8_t>(parts.size() + 1);
  for (const auto& one : parts) out.strong.bytes[1] ^= static_cast<std::uint8_t>(one.value.size());
  out.components = std::move(parts);
  return out;
}

TEST(action_history, comes_back_as_it_was) {
  auto what = history_of({{"argv", "cc -O2"}, {"input x.h", "0123"}});
  what.changed = {{"argv", "cc", "cc -O2"}, {"input y.h", "77", std::nullopt}, {"z", std::nullopt, ""}};
  what.changed_left_out = 3;
  what.partial = true;
  const auto back = decode_action_history(encode(what));
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(*back, what);
}

TEST(action_history, a_damaged_row_is_told_from_a_good_one) {
  auto what = history_of({{"argv", "cc -O2"}, {"input x.h", "0123"}});
  what.changed = {{"argv", "cc", "cc -O2"}};
  const auto good = encode(what);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_action_history(std::string_view(good).substr(0, size))) << size;
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x80);
    if (const auto read = decode_action_history(bad)) {
      EXPECT_EQ(encode(*read), bad) << at;
    }
  }
  EXPECT_FALSE(decode_action_history(good + "x"));
  auto newer = good;
  newer[0] = static_cast<char>(good[0] + 1);
  EXPECT_EQ(decode_action_history(newer).error().code, errc::newer_version);
  EXPECT_EQ(decode_action_history("never built: a\nrule = x\n").error().code, errc::corrupt);
}

TEST(action_history, differences_have_the_old_and_the_new_value) {
  const components before{{"argv", "cc"}, {"tool cc", "11"}, {"input gone.h", "22"}, {"same", "s"}};
  const components after{{"argv", "cc -O2"}, {"tool cc", "11"}, {"input new.h", "33"}, {"same", "s"}};
  const std::vector<key_difference> expected{
      {"argv", "cc", "cc -O2"}, {"input new.h", std::nullopt, "33"}, {"input gone.h", "22", std::nullopt}};
  EXPECT_EQ(differences(before, false, after, false), expected);
}

TEST(action_history, what_was_left_out_is_no_difference) {
  const components before{{"argv", "cc"}, {"input a", "1"}}, after{{"argv", "cc"}, {"input b", "2"}};
  EXPECT_TRUE(differences(before, true, after, true).empty());
  EXPECT_EQ(differences(before, true, after, false).size(), 1u);  // a is gone for certain
}

TEST(action_history, the_largest_row_stays_within_its_bound) {
  const openssl_hasher hash;
  std::optional<std::string> stored;
  for (int round = 0; round < 3; ++round) {
    action_history what;
    what.reason = "rule, tool or environment changed";
    what.cause = std::string(4000, 'c');
    for (int i = 0; i < 300; ++i)
      what.components.push_back({"input " + std::string(3000, 'p') + std::to_string(i),
                                 std::string(2000, static_cast<char>('a' + round)) + std::to_string(i)});
    for (int i = 0; i < 300; ++i) what.components.push_back({std::to_string(i), std::to_string(round)});
    fit_components(hash, what);
    EXPECT_TRUE(what.partial);
    stored = following_row(stored, encode(what));
    EXPECT_LE(stored->size(), action_history::bytes_max);
    ASSERT_TRUE(decode_action_history(*stored));
  }
  EXPECT_GT(decode_action_history(*stored)->changed_left_out, 0u);
}

TEST(action_history, a_change_among_the_inputs_left_out_shows) {
  const openssl_hasher hash;
  const auto row = [&](const char* last) {
    action_history what;
    for (int i = 0; i < 100; ++i) what.components.push_back({"input file" + std::to_string(i), "0123456789"});
    what.components.back().value = last;
    fit_components(hash, what);
    return encode(what);
  };
  const auto now = decode_action_history(following_row(row("before"), row("after")));
  ASSERT_EQ(now->changed.size(), 1u);
  EXPECT_EQ(now->changed[0].name, "further inputs");
}

TEST(action_history, an_equal_key_keeps_the_story_of_the_last_change) {
  const auto first = encode(history_of({{"argv", "1"}}));
  const auto second = following_row(first, encode(history_of({{"argv", "22"}})));
  auto again = history_of({{"argv", "22"}});
  again.reason = "failed before, tried again";
  EXPECT_EQ(following_row(second, encode(again)), second);
}

TEST(action_history, long_texts_are_cut_at_a_character_and_told_apart_by_digest) {
  const openssl_hasher hash;
  const std::string text(200, 'x');
  EXPECT_EQ(shortened(hash, "short", 40), "short");
  EXPECT_LE(shortened(hash, text, 40).size(), 40u);
  EXPECT_NE(shortened(hash, text + "a", 40), shortened(hash, text + "b", 40));
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "ä";
  for (std::size_t max = 40; max < 44; ++max) {
    const auto cut = shortened(hash, umlauts, max);
    EXPECT_EQ(cut.find("… ") % 2, 0u) << cut;
  }
}

}  // namespace
}  // namespace graphite::test
