#include <gtest/gtest.h>

#include <random>

#include "tests/transforms/mesh_support.hpp"
#include "transforms/mesh_file.hpp"
#include "transforms/mesh_picture.hpp"

namespace graphite {
namespace {

using namespace test;

/// Makes a mesh of damaged bytes; what comes out is a mesh file. True where something did.
bool made_sound(const std::string& path, const std::string& bytes) {
  const auto made = run_mesh_on(path, bytes, {{"lods", std::int64_t{1}}});
  if (!made) return false;
  const auto file = joined(made->assets[0]);
  const auto opened = open_mesh_file(file);
  EXPECT_TRUE(opened) << opened.error().context;
  return true;
}

void expect_no_harm(const std::string& path, const std::string& bytes) {
  EXPECT_TRUE(made_sound(path, bytes));
  for (std::size_t i = 0; i < 64; ++i) made_sound(path, bytes.substr(0, bytes.size() * i / 64));
  std::mt19937_64 random(7);
  for (int round = 0; round < 400; ++round) {
    auto damaged = bytes;
    for (auto flips = 1 + random() % 4; flips > 0; --flips)
      damaged[random() % damaged.size()] ^= static_cast<char>(1u << random() % 8);
    made_sound(path, damaged);
  }
}

TEST(mesh_damage, obj) { expect_no_harm("a.obj", cube_obj() + hills_obj(2)); }

TEST(mesh_damage, gltf) {
  auto from = square_gltf();
  from.accessor(from.view<float>({0, 0, 1, 0, 1, 1, 0, 1}), 5126, 4, "VEC2");
  from.primitive(R"("attributes":{"POSITION":0,"TEXCOORD_0":2},"indices":1)");
  from.primitive(R"("attributes":{"POSITION":0},"mode":5)");
  expect_no_harm("a.glb", from.glb(R"("nodes":[{"mesh":0,"children":[1]},{}],"skins":[{"joints":[1]}])"));
}

TEST(mesh_damage, mesh_file) {
  const auto made = run_mesh_on("hills.obj", "usemtl a\n" + hills_obj(4), {{"lods", std::int64_t{1}}});
  ASSERT_TRUE(made);
  const auto bytes = joined(made->assets[0]);
  for (std::size_t i = 0; i < 64; ++i)
    EXPECT_FALSE(
        open_mesh_file(byte_vector(bytes.begin(), bytes.begin() + static_cast<long>(bytes.size() * i / 64))));
  std::mt19937_64 random(11);
  int accepted = 0;
  for (int round = 0; round < 4000; ++round) {
    auto damaged = bytes;
    const auto at = round % 2 == 0 ? random() % 2048 : random() % damaged.size();
    damaged[at % damaged.size()] ^= static_cast<std::byte>(1u << random() % 8);
    const auto file = open_mesh_file(damaged);
    if (!file) continue;
    ++accepted;
    if (round % 16 == 0) draw_mesh(*file, 16, 16);
  }
  EXPECT_GT(accepted, 0);  // vertices and bounds may be anything that is finite
}

}  // namespace
}  // namespace graphite
