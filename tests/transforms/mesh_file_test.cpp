#include "transforms/mesh_file.hpp"

#include <gtest/gtest.h>

#include "tests/transforms/mesh_support.hpp"

namespace graphite {
namespace {

using namespace test;

byte_vector some_mesh_file() {
  const auto made = run_mesh_on("hills.obj", "usemtl a\n" + hills_obj(12), {{"lods", std::int64_t{2}}});
  return made ? joined(made->assets[0]) : byte_vector();
}

/// The bytes with a number changed at a place.
template <class Number>
byte_vector changed(byte_vector bytes, std::uint64_t at, Number to) {
  std::memcpy(bytes.data() + at, &to, sizeof to);
  return bytes;
}

TEST(mesh_file, accepts_what_is_written_and_gives_it_back) {
  const auto bytes = some_mesh_file();
  const auto file = open_mesh_file(bytes);
  ASSERT_TRUE(file) << file.error().context;
  ASSERT_EQ(file->levels.size(), 3u);
  ASSERT_EQ(file->submeshes.size(), 1u);
  const plain_reader plain(bytes);
  for (std::uint32_t level = 0; level < 3; ++level) {
    const auto& draw = file->draws[level];
    const auto triangles = plain.triangles(0, level);
    ASSERT_EQ(draw.index_count, triangles.size() * 3);
    for (std::uint32_t i = 0; i < draw.index_count; ++i) {
      float position[3];
      file->position(draw, file->index(draw, i), position);
      for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(position[k], triangles[i / 3][i % 3][k], 1e-5);
    }
  }
  EXPECT_EQ(file->text(file->materials[0].name), "a");
}

TEST(mesh_file, sections_and_geometry_are_aligned_and_parts_are_levels) {
  const auto made = run_mesh_on("hills.obj", hills_obj(12), {{"lods", std::int64_t{2}}});
  ASSERT_TRUE(made);
  const auto& parts = made->assets[0].parts;
  ASSERT_EQ(parts.size(), 4u);
  const plain_reader file(joined(made->assets[0]));
  std::uint64_t at = parts[0].size();
  for (int part = 1; part < 4; ++part) {
    const auto level = file.record(1, static_cast<std::uint64_t>(3 - part));
    EXPECT_EQ(file.at<std::uint64_t>(level), at);
    EXPECT_EQ(file.at<std::uint64_t>(level + 8), parts[static_cast<std::size_t>(part)].size());
    at += parts[static_cast<std::size_t>(part)].size();
    EXPECT_EQ(at % 64, 0u);
  }
  for (int section = 1; section <= 11; ++section) EXPECT_EQ(file.record(section, 0) % 64, 0u);
  for (std::uint64_t i = 0; i < file.count(4); ++i)
    EXPECT_EQ(file.at<std::uint64_t>(file.record(4, i)) % 64, 0u);
}

TEST(mesh_file, refuses_each_number_that_does_not_fit) {
  const auto bytes = some_mesh_file();
  const plain_reader plain(bytes);
  const auto refusal = [&](std::uint64_t at, auto to) {
    const auto file = open_mesh_file(changed(bytes, at, to));
    return file ? std::string("accepted") : file.error().context;
  };
  const auto draw = plain.draw_of(0, 0), attribute = plain.record(5, 0);
  EXPECT_EQ(refusal(0, 1u), "no mesh file");
  EXPECT_EQ(refusal(4, std::uint16_t{2}), "of a newer version");
  EXPECT_EQ(refusal(8, std::uint64_t{1}), "of another size than its header says");
  EXPECT_EQ(refusal(20, 10u), "levels or bounds");
  EXPECT_EQ(refusal(20, 2u), "number of levels");
  EXPECT_EQ(refusal(64 + 8, std::uint64_t{0}), "section 1");
  EXPECT_EQ(refusal(64 + 16, ~std::uint64_t{0}), "section 1 is cut off");
  EXPECT_EQ(refusal(plain.record(1, 0) + 8, std::uint64_t{64}), "bytes behind the last level");
  EXPECT_EQ(refusal(draw, ~std::uint64_t{63}), "draw 0: indices beyond its level");
  EXPECT_EQ(refusal(draw + 8, 0xffffffffu), "draw 0: indices beyond its level");
  EXPECT_EQ(refusal(draw + 12, 3u), "draw 0");
  EXPECT_EQ(refusal(draw + 16, 0xffffffffu), "draw 0: vertices beyond its level");
  EXPECT_EQ(refusal(draw + 16, 3u), "draw 0: an index beyond its vertices");
  EXPECT_EQ(refusal(draw + 20, 1u), "draw 0: its attributes");
  EXPECT_EQ(refusal(attribute + 4, 2u), "draw 0: vertices beyond its level");
  EXPECT_EQ(refusal(attribute + 8, ~std::uint64_t{3}), "draw 0: vertices beyond its level");
  EXPECT_EQ(refusal(attribute + 2, std::uint16_t{6}), "draw 0: an attribute");
  EXPECT_EQ(refusal(plain.record(3, 0) + 4, 1u), "material of a submesh");
  EXPECT_EQ(refusal(plain.record(6, 0), 0u), "node 0");
  EXPECT_EQ(refusal(plain.record(6, 0) + 20, 0xffffffffu), "node 0");
  EXPECT_EQ(refusal(plain.record(6, 0) + 24, std::nanf("")), "node 0");
}

TEST(mesh_file, a_file_that_draws_from_a_finer_level_is_refused) {
  const auto bytes = some_mesh_file();
  const plain_reader plain(bytes);
  const auto finest = plain.at<std::uint64_t>(plain.record(1, 0));
  const auto file = open_mesh_file(changed(bytes, plain.draw_of(0, 1), finest));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().context, "draw 1: indices beyond its level");
}

}  // namespace
}  // namespace graphite
