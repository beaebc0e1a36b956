#include "schemas/codec/view_messages.hpp"

#include <gtest/gtest.h>

#include "core/logical_path.hpp"
#include "tests/schemas/mutate.hpp"

namespace graphite {
namespace {

using test::digest_of_number;

views::settings some_settings() {
  views::settings out;
  out.copies = 2;
  out.stores = {{"127.0.0.1:7403", {}}, {"[::1]:9", {}}};
  out.stores[1].key.bytes.fill(std::byte{3});
  return out;
}

std::vector<view_to_coordinator> said_by_watchers() {
  views::join join;
  join.incarnation.value.bytes.fill(4);
  join.epoch_seen.value = 9;
  join.view = "main";
  join.project_file = "game/graphite.toml";
  return {join, views::revised{7, {digest_of_number(1), 230}}};
}

std::vector<view_to_watcher> said_by_coordinators() {
  using verdict = views::verdict;
  return {views::welcome{epoch_number{8}, {digest_of_number(2), 99}, some_settings()},
          views::welcome{epoch_number{8}, {}, {}},
          views::refusal{errc::already_exists, "somebody feeds it"},
          some_settings(),
          verdict{1, verdict::what::accepted},
          verdict{2, verdict::what::published, errc::invalid_argument, "generation 9"},
          verdict{3, verdict::what::refused, errc::corrupt, "no snapshot"},
          verdict{4, verdict::what::missing, errc::not_found, "3 contents"}};
}

TEST(view_messages, come_back_as_they_were) {
  for (const auto& one : said_by_watchers()) {
    const auto back = decode_view_to_coordinator(encode(one));
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(*back, one);
  }
  for (const auto& one : said_by_coordinators()) {
    const auto back = decode_view_to_watcher(encode(one));
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(*back, one);
  }
}

TEST(view_messages, that_are_damaged_are_read_or_refused) {
  for (const auto& one : said_by_watchers())
    test::mutate(encode(one), 2'000, [](byte_span bytes) { (void)decode_view_to_coordinator(bytes); });
  for (const auto& one : said_by_coordinators())
    test::mutate(encode(one), 2'000, [](byte_span bytes) { (void)decode_view_to_watcher(bytes); });
}

TEST(view_messages, with_names_and_numbers_that_are_none_are_refused) {
  auto join = std::get<views::join>(said_by_watchers()[0]);
  for (const std::string view : {"", "../x", "a/b", "a b"}) {
    join.view = view;
    EXPECT_FALSE(decode_view_to_coordinator(encode(view_to_coordinator(join)))) << view;
  }
  join.view = "main";
  for (const std::string file : {"", "/etc/passwd", "../graphite.toml"}) {
    join.project_file = file;
    EXPECT_FALSE(decode_view_to_coordinator(encode(view_to_coordinator(join)))) << file;
  }
  for (const auto& bad :
       {views::revised{0, {digest_of_number(1), 10}}, views::revised{1, {}},
        views::revised{1, {digest_of_number(1), 0}}, views::revised{1, {digest_of_number(1), 1'000'000}}})
    EXPECT_FALSE(decode_view_to_coordinator(encode(view_to_coordinator(bad))));
}

TEST(view_messages, are_bounded) {
  views::settings many;
  many.stores.resize(view_limits::stores_max + 1);
  EXPECT_EQ(decode_view_to_watcher(encode(view_to_watcher(many))).error().code, errc::too_large);
  many.stores.resize(view_limits::stores_max);
  for (auto& one : many.stores) {
    one.chunks = std::string(view_limits::name_bytes_max, 'h');
    one.key.bytes.fill(std::byte{1});
  }
  const auto largest = encode(view_to_watcher(many));
  EXPECT_LE(largest.size(), view_limits::message_bytes_max);
  EXPECT_TRUE(decode_view_to_watcher(largest));
  EXPECT_EQ(decode_view_to_watcher(byte_vector(view_limits::message_bytes_max + 8)).error().code,
            errc::too_large);
}

TEST(view_messages, cut_texts_that_are_too_long_between_characters) {
  std::string text(view_limits::text_bytes_max - 1, 'x');
  text += "ä and more";
  const auto back = decode_view_to_watcher(encode(view_to_watcher(views::refusal{errc::busy, text})));
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(std::get<views::refusal>(*back).text, std::string(view_limits::text_bytes_max - 1, 'x'));
}

}  // namespace
}  // namespace graphite
