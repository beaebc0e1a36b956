#include "coordinator/graph_rows.hpp"

#include <gtest/gtest.h>

#include <random>

#include "coordinator/path_table.hpp"
#include "core/path_check.hpp"
#include "tests/support/paths.hpp"

namespace graphite {
namespace {

using test::path_of;

std::vector<source_record> two_records() {
  source_record a{path_of("d/a"), true, true, 3, {}};
  a.state.content = {digest{}, 7};
  a.state.content.id.bytes[5] = 9;
  a.state.signature = {1, 2, 300, -4, 5, true};
  a.state.references = {{{path_of("b"), path_of("c/é")}, true}, {{path_of("e")}, false}};
  a.shown = std::vector{path_of("e"), path_of("f")};
  source_record gone{path_of("d/gone"), false, false, 0xffff, {}};
  return {a, gone};
}

std::vector<std::string> names_in(const source_rows& rows, source_rows::list list) {
  std::vector<std::string> out;
  for (std::uint32_t i = 0; i < list.count; ++i) out.emplace_back(rows.names[list.first + i]);
  return out;
}

TEST(graph_rows, sources_come_back_as_they_were_written) {
  source_rows rows;
  rows.records.resize(3);  // what an earlier row left
  const auto bytes = encode_sources({11, 12}, two_records());
  const auto header = decode_sources(bytes, rows);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->rules, 11u);
  EXPECT_EQ(header->sequence, 12u);
  ASSERT_EQ(rows.records.size(), 2u);
  const auto& a = rows.records[0];
  const auto wanted = two_records()[0];
  EXPECT_EQ(rows.names[a.path], "d/a");
  EXPECT_EQ(a.rule, 3);
  EXPECT_TRUE(a.present && a.listed && a.has_shown);
  EXPECT_EQ(a.content, wanted.state.content);
  EXPECT_TRUE(a.signature.same_file_state(wanted.state.signature));
  EXPECT_TRUE(a.signature.trusted);
  ASSERT_EQ(a.references.count, 2u);
  const auto &first = rows.references[a.references.first], &second = rows.references[a.references.first + 1];
  EXPECT_TRUE(first.required);
  EXPECT_EQ(names_in(rows, first.candidates), (std::vector<std::string>{"b", "c/é"}));
  EXPECT_FALSE(second.required);
  EXPECT_EQ(names_in(rows, second.candidates), (std::vector<std::string>{"e"}));
  EXPECT_EQ(names_in(rows, a.shown), (std::vector<std::string>{"e", "f"}));
  EXPECT_EQ(rows.names[rows.records[1].path], "d/gone");
  EXPECT_FALSE(rows.records[1].present);
}

TEST(graph_rows, a_row_cut_short_or_with_a_path_that_is_none_is_damaged) {
  source_rows rows;
  const auto bytes = encode_sources({1, 2}, two_records());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_sources(std::string_view(bytes).substr(0, size), rows)) << size;
  EXPECT_FALSE(decode_sources(bytes + '\0', rows));
  auto leaves = bytes;
  leaves.replace(leaves.find("d/gone"), 6, "../off");
  EXPECT_EQ(decode_sources(leaves, rows).error().code, errc::corrupt);
  auto newer = bytes;
  ++newer[0];
  EXPECT_EQ(decode_sources(newer, rows).error().code, errc::newer_version);
}

TEST(graph_rows, flipped_bytes_never_lead_out_of_the_row) {
  const auto bytes = encode_sources({1, 2}, two_records());
  source_rows rows;
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const int flip : {0x01, 0x80, 0xff}) {
      auto bad = bytes;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      if (!decode_sources(bad, rows)) continue;
      for (const auto name : rows.names) EXPECT_TRUE(is_logical_path(name));
      for (const auto& record : rows.records) {
        EXPECT_LT(record.path, rows.names.size());
        EXPECT_LE(record.references.first + record.references.count, rows.references.size());
        EXPECT_LE(record.shown.first + record.shown.count, rows.names.size());
      }
    }
}

TEST(path_check, says_what_parse_says) {
  const std::vector<std::string> parts{"a", ".",    "..",   "...",  "/",  "//", "\\",
                                       "é", "\xff", "\x01", "\x7f", ".x", "ab"};
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto n = random() % 5; n-- > 0;) text += parts[random() % parts.size()];
    EXPECT_EQ(is_logical_path(text), logical_path::parse(text).has_value()) << text;
  }
  EXPECT_TRUE(is_logical_path(std::string(255, 'a')));
  EXPECT_FALSE(is_logical_path(std::string(256, 'a')));
  const std::string deep = "/" + std::string(127, 'a');
  EXPECT_FALSE(
      is_logical_path(std::string(127, 'b') + deep + deep + deep + deep + deep + deep + deep + deep));
}

TEST(path_table, numbers_a_path_once_however_it_is_asked) {
  path_table table;
  std::vector<std::uint32_t> made;
  for (int i = 0; i < 1'000; ++i) {
    const auto path = "f" + std::to_string(i % 7) + "/" + std::to_string(i);
    const auto hash = table.hash_of(path);
    table.prefetch_slot(hash);
    table.prefetch_path(hash);
    made.push_back(table.intern(path, hash).value());
    EXPECT_EQ(table.intern(path).value(), made.back());
  }
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    EXPECT_EQ(made[i], i);
    EXPECT_EQ(table.text(i), "f" + std::to_string(i % 7) + "/" + std::to_string(i));
    EXPECT_EQ(table.find(table.text(i)), i);
  }
  EXPECT_EQ(table.find("f1/none"), path_table::none);
}

TEST(path_table, refuses_a_second_path_with_the_same_hash) {
  path_table table([](std::string_view path) { return asset_id{path.size()}; });
  ASSERT_TRUE(table.intern("aa"));
  ASSERT_TRUE(table.intern("b"));
  const auto refused = table.intern("cc");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::already_exists);
  EXPECT_NE(refused.error().context.find("cc and aa"), std::string::npos);
  EXPECT_EQ(table.find("cc"), path_table::none);
}

}  // namespace
}  // namespace graphite
