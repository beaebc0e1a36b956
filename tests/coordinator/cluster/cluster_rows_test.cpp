#include "coordinator/cluster/cluster_rows.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/support/memory_key_value_store.hpp"
#include "tests/support/recording_log.hpp"

namespace graphite {
namespace {

digest key_of_byte(std::uint8_t byte) {
  digest out;
  out.bytes.fill(byte);
  return out;
}

cluster_record some_record() {
  using service = lease_table::service;
  return {{{"a", service::in, true}, {"b", service::draining, false}, {"c", service::cordoned, true}},
          {{"team", key_of_byte(1), "it ran on a, b, c when they died"}, {"other", key_of_byte(2), ""}}};
}

learned_rules::row some_row() {
  learned_rules rules;
  const auto rule = rules.intern(0x123456789abcdef0);
  std::mt19937_64 random(3);
  for (int i = 0; i < 700; ++i)
    rules.note(rule, {duration(static_cast<std::int64_t>(random() % 5'000'000'000)),
                      duration(static_cast<std::int64_t>(random() % 5'000'000'000)), random() % (8 * GiB)});
  return rules.row_of(rule);
}

template <class Decode>
void expect_no_part_of(const std::string& bytes, Decode&& decode) {
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, length))) << length;
  EXPECT_FALSE(decode(bytes + '\0'));
}

TEST(cluster_rows, come_back_the_same) {
  const auto bytes = encode_cluster(some_record());
  const auto back = decode_cluster(bytes);
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(*back, some_record());
  const auto empty = decode_cluster(encode_cluster({}));
  ASSERT_TRUE(empty);
  EXPECT_EQ(*empty, cluster_record{});
  const auto rule = encode_rule(some_row());
  const auto row = decode_rule(rule);
  ASSERT_TRUE(row) << row.error().context;
  EXPECT_EQ(row->rule, some_row().rule);
  EXPECT_EQ(row->wall.counts(), some_row().wall.counts());
  EXPECT_EQ(row->wall.counted(), some_row().wall.counted());
  EXPECT_EQ(row->memory.counts(), some_row().memory.counts());
  EXPECT_EQ(row->cpu_milli.counts(), some_row().cpu_milli.counts());
  EXPECT_EQ(encode_rule(*row), rule);
}

TEST(cluster_rows, a_part_of_one_is_none) {
  expect_no_part_of(encode_cluster(some_record()), decode_cluster);
  expect_no_part_of(encode_rule(some_row()), decode_rule);
}

TEST(cluster_rows, of_rules_are_found_and_one_that_is_broken_is_left_out) {
  memory_key_value_store rows;
  test::recording_log log;
  auto second = some_row();
  second.rule = 77;
  ASSERT_TRUE(rows.write({{table::meta, rule_row_key(some_row().rule), encode_rule(some_row())},
                          {table::meta, rule_row_key(second.rule), encode_rule(second)},
                          {table::meta, rule_row_key(78), "broken"},
                          {table::meta, "another/1", "no rule"}},
                         key_value_store::durability::synced));
  const auto found = load_rules(rows, log);
  ASSERT_TRUE(found) << found.error().context;
  std::set<std::uint64_t> numbers;
  for (const auto& one : *found) numbers.insert(one.rule);
  EXPECT_EQ(numbers, (std::set<std::uint64_t>{some_row().rule, 77}));
  EXPECT_EQ(log.count("cannot be read"), 1U);
}

TEST(cluster_rows, of_a_later_program_are_told_from_broken_ones) {
  auto bytes = encode_cluster(some_record());
  bytes[0] = 2;
  EXPECT_EQ(decode_cluster(bytes).error().code, errc::newer_version);
  bytes = encode_rule(some_row());
  bytes[0] = 2;
  EXPECT_EQ(decode_rule(bytes).error().code, errc::newer_version);
  bytes[0] = 0;
  EXPECT_EQ(decode_rule(bytes).error().code, errc::corrupt);
}

TEST(cluster_rows, changed_bytes_are_refused_or_are_what_another_record_has) {
  std::mt19937 random(9);
  const auto try_all = [&](const std::string& bytes, auto decode, auto encode) {
    for (int i = 0; i < 20'000; ++i) {
      auto changed = bytes;
      changed[random() % changed.size()] = static_cast<char>(random());
      const auto read = decode(changed);
      ASSERT_TRUE(!read || encode(*read) == changed);
    }
  };
  try_all(encode_cluster(some_record()), decode_cluster, encode_cluster);
  try_all(encode_rule(some_row()), decode_rule, encode_rule);
}

TEST(cluster_rows, are_bounded_and_keep_the_newest_poison) {
  cluster_record large;
  for (std::size_t i = 0; i < cluster_record::poison_max + 2; ++i)
    large.poison.push_back({"team", key_of_byte(static_cast<std::uint8_t>(i)), std::string(5'000, 'x')});
  large.nodes = {{std::string(200, 'n'), lease_table::service::in, true}};
  const auto back = decode_cluster(encode_cluster(large));
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_TRUE(back->nodes.empty()) << "no node has such a name";
  ASSERT_EQ(back->poison.size(), cluster_record::poison_max);
  EXPECT_EQ(back->poison[0].key, key_of_byte(2));
  EXPECT_EQ(back->poison[0].reason.size(), cluster_record::reason_bytes_max);
}

}  // namespace
}  // namespace graphite
