#pragma once

#include <gtest/gtest.h>

#include "tests/stores/store_world.hpp"

namespace graphite::test {

inline constexpr std::uint64_t large_bytes = 9 * MiB + 12'345;

/// Contents of all sizes that are treated otherwise.
inline std::vector<sample_content> of_all_sizes() {
  std::vector<sample_content> out;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{32 * KiB}, std::size_t{32 * KiB + 1},
        std::size_t{64 * KiB}, std::size_t{64 * KiB + 1}, std::size_t{MiB}, std::size_t{large_bytes}})
    out.push_back(make_content(size + 1, size));
  return out;
}

inline std::vector<sample_content> many_small(std::size_t count) {
  std::vector<sample_content> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(make_content(i, 100 + i % 3000));
  return out;
}

inline std::vector<content_ref> refs(const std::vector<sample_content>& all) {
  std::vector<content_ref> out;
  for (const auto& one : all) out.push_back(one.ref);
  return out;
}

inline void store_here(store_world& world, const std::vector<sample_content>& all) {
  for (const auto& one : all) ASSERT_TRUE(world.local.put(one.bytes, one.chunks));
}

inline void forget_here(store_world& world, const std::vector<sample_content>& all) {
  for (const auto& one : all) world.local.remove(one.ref.id);
}

inline byte_vector bytes_here(store_world& world, const content_ref& content) {
  byte_vector out(content.size);
  if (!world.local.read(content.id, 0, out)) return {};
  return out;
}

inline void expect_here(store_world& world, const std::vector<sample_content>& all) {
  for (const auto& one : all) EXPECT_EQ(bytes_here(world, one.ref), one.bytes) << one.ref.size;
}

inline void expect_well(const std::map<digest, result<void>>& all, std::size_t count) {
  EXPECT_EQ(all.size(), count);
  for (const auto& [content, how] : all) EXPECT_TRUE(how) << how.error().context;
}

}  // namespace graphite::test
