#include <gtest/gtest.h>

#include <assimp/postprocess.h>
#include <assimp/scene.h>
#include <assimp/Importer.hpp>

#include "tests/transforms/mesh_support.hpp"
#include "transforms/mesh_file.hpp"
#include "transforms/mesh_picture.hpp"

namespace graphite {
namespace {

using namespace test;

/// What another program reads from the source, the nodes' transforms left alone.
std::vector<triangle> imported(const std::string& bytes, const char* kind) {
  Assimp::Importer importer;
  const auto* scene = importer.ReadFileFromMemory(bytes.data(), bytes.size(), aiProcess_Triangulate, kind);
  if (scene == nullptr) ADD_FAILURE() << importer.GetErrorString();
  std::vector<triangle> out;
  for (unsigned m = 0; scene != nullptr && m < scene->mNumMeshes; ++m) {
    const auto& mesh = *scene->mMeshes[m];
    for (unsigned f = 0; f < mesh.mNumFaces; ++f) {
      auto& made = out.emplace_back();
      for (unsigned c = 0; c < 3; ++c) {
        const auto& p = mesh.mVertices[mesh.mFaces[f].mIndices[c]];
        made[c] = {p.x, p.y, p.z};
      }
    }
  }
  return out;
}

TEST(mesh, the_triangles_are_those_of_another_importer) {
  for (const bool quantize : {false, true}) {
    const auto made = run_mesh_on("cube.obj", cube_obj(), {{"quantize", quantize}});
    ASSERT_TRUE(made) << made.error().context;
    EXPECT_EQ(on_grid(plain_reader(joined(made->assets[0])).all_triangles(), 0.001),
              on_grid(imported(cube_obj(), "obj"), 0.001));
  }
  auto square = square_gltf();
  square.primitive(R"("attributes":{"POSITION":0},"indices":1)");
  const auto glb = square.glb(R"("scene":0,"scenes":[{"nodes":[0]}],"nodes":[{"mesh":0}])");
  const auto made = run_mesh_on("a.glb", glb);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(on_grid(plain_reader(joined(made->assets[0])).all_triangles(), 0.001),
            on_grid(imported(glb, "glb"), 0.001));
}

TEST(mesh, a_large_grid_keeps_every_triangle_and_uses_wide_indices) {
  // 300 × 300 whole coordinates: 90,601 vertices.
  const int side = 300;
  std::string text;
  std::vector<triangle> wanted;
  for (int y = 0; y <= side; ++y)
    for (int x = 0; x <= side; ++x) text += fmt::format("v {} {} 0\n", x, y);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const int a = y * (side + 1) + x + 1;
      text += fmt::format("f {} {} {}\n", a, a + 1, a + side + 1);
      wanted.push_back({vertex{double(x), double(y), 0}, {x + 1.0, double(y), 0}, {double(x), y + 1.0, 0}});
    }
  const auto made = run_mesh_on("grid.obj", text);
  ASSERT_TRUE(made) << made.error().context;
  const plain_reader file(joined(made->assets[0]));
  EXPECT_EQ(on_grid(file.all_triangles(), 0.1).size(), wanted.size());
  EXPECT_EQ(on_grid(file.all_triangles(), 1), on_grid(wanted, 1));
  EXPECT_EQ(file.at<std::uint32_t>(file.draw_of(0, 0) + 12), 4u);
  for (const auto& one : file.all_triangles())
    for (const auto& corner : one)
      for (const auto value : corner) EXPECT_NEAR(value, std::round(value), 300.0 / 65535);
}

TEST(mesh, the_bounds_hold_every_vertex_and_touch_the_outermost) {
  const auto made = run_mesh_on("hills.obj", hills_obj(40));
  ASSERT_TRUE(made) << made.error().context;
  const plain_reader file(joined(made->assets[0]));
  for (const auto place : {file.record(3, 0) + 16, std::uint64_t{24}}) {
    vertex least{1e9, 1e9, 1e9}, most{-1e9, -1e9, -1e9};
    double farthest = 0;
    for (const auto& one : file.all_triangles())
      for (const auto& p : one) {
        double square = 0;
        for (std::size_t k = 0; k < 3; ++k) {
          least[k] = std::min(least[k], p[k]), most[k] = std::max(most[k], p[k]);
          const auto away = p[k] - file.at<float>(place + 24 + 4 * k);
          square += away * away;
        }
        farthest = std::max(farthest, std::sqrt(square));
      }
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(file.at<float>(place + 4 * k), least[k], 1e-5);
      EXPECT_NEAR(file.at<float>(place + 12 + 4 * k), most[k], 1e-5);
    }
    EXPECT_LE(farthest, file.at<float>(place + 36) + 1e-5);
    EXPECT_LE(file.at<float>(place + 36), 40);
  }
}

TEST(mesh, the_same_source_gives_the_same_bytes) {
  const mesh_options options{{"lods", std::int64_t{3}}, {"generate_normals", true}};
  const auto one = run_mesh_on("hills.obj", hills_obj(40), options);
  const auto other = run_mesh_on("hills.obj", hills_obj(40), options);
  ASSERT_TRUE(one && other);
  EXPECT_EQ(one->assets[0].parts, other->assets[0].parts);
}

TEST(mesh, triangles_of_no_area_are_left_out_and_counted) {
  const auto made = run_mesh_on("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 2 0 0\nf 1 2 3\nf 1 2 4\nf 1 1 2\n");
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->warnings, "2 triangles of no area are left out\n");
  EXPECT_EQ(plain_reader(joined(made->assets[0])).all_triangles().size(), 1u);
  const auto none = run_mesh_on("a.obj", "v 0 0 0\nv 1 0 0\nf 1 1 2\n");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().context, "no triangles");
}

TEST(mesh, welds_what_is_the_same_and_generates_smooth_normals) {
  std::string text;  // the cube with corners of their own for each triangle
  for (const auto& one : imported(cube_obj(), "obj")) {
    for (const auto& p : one) text += fmt::format("v {} {} {}\n", p[0], p[1], p[2]);
    text += "f -3 -2 -1\n";
  }
  const auto made = run_mesh_on("a.obj", text, {{"generate_normals", true}});
  ASSERT_TRUE(made) << made.error().context;
  const plain_reader file(joined(made->assets[0]));
  const auto draw = file.draw_of(0, 0);
  ASSERT_EQ(file.at<std::uint32_t>(draw + 16), 8u);
  for (std::uint32_t v = 0; v < 8; ++v) {
    const auto p = file.value(0, draw, 1, v), n = file.value(0, draw, 2, v);
    double outwards = 0;
    for (std::size_t k = 0; k < 3; ++k) outwards += (p[k] - 0.5) * n[k];
    EXPECT_GT(outwards, 0.6);
  }
}

TEST(mesh, submeshes_that_touch_stay_joined) {
  // Two materials meet at x = 1/3, which is no value of 16 bits of either's own box.
  const auto made = run_mesh_on("a.obj",
                                "v 0 0 0\nv 0.33333 0 0\nv 0.33333 1 0\nv 0.9 0.1 0\n"
                                "usemtl a\nf 1 2 3\nusemtl b\nf 2 4 3\n");
  ASSERT_TRUE(made) << made.error().context;
  const plain_reader file(joined(made->assets[0]));
  std::set<double> shared;
  for (const auto& one : file.all_triangles())
    for (const auto& p : one)
      if (p[0] > 0.3 && p[0] < 0.4) shared.insert(p[0]);
  EXPECT_EQ(shared.size(), 1u);
}

TEST(mesh, far_coordinates_are_refused) {
  const auto made = run_mesh_on("a.obj", "v 0 0 0\nv 1e30 0 0\nv 0 1 0\nf 1 2 3\n");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().context, "mesh 0: positions: a coordinate beyond 1e18");
}

TEST(mesh, a_picture_shows_the_mesh_in_its_middle) {
  const auto made = run_mesh_on("cube.obj", cube_obj());
  ASSERT_TRUE(made) << made.error().context;
  const auto bytes = joined(made->assets[0]);
  const auto file = open_mesh_file(bytes);
  ASSERT_TRUE(file) << file.error().context;
  const auto picture = draw_mesh(*file, 64, 48);
  ASSERT_EQ(picture.size(), 64u * 48 * 4);
  EXPECT_EQ(picture[(24 * 64 + 32) * 4 + 3], std::byte{255});
  EXPECT_EQ(picture[3], std::byte{0});
  std::set<std::byte> greys;
  for (std::size_t i = 0; i < picture.size(); i += 4)
    if (picture[i + 3] != std::byte{0}) greys.insert(picture[i]);
  EXPECT_GE(greys.size(), 3u);  // faces of different lights, and edges
}

TEST(mesh, is_the_same_with_any_number_of_threads) {
  // Faces of five materials in turn: a primitive for each change.
  std::string source;
  std::size_t faces = 0;
  std::istringstream lines(hills_obj(30));
  for (std::string line; std::getline(lines, line); source += line + "\n")
    if (line.starts_with("f ") && faces++ % 100 == 0) source += fmt::format("usemtl m{}\n", faces / 100 % 5);
  const mesh_options options{{"lods", std::int64_t{2}}, {"generate_normals", true}};
  EXPECT_EQ(open_mesh_file(joined(run_mesh_on("a.obj", source, options)->assets.at(0)))->submeshes.size(),
            9u);
  for (const auto& text : {source, hills_obj(30)}) {
    const auto one = run_mesh_on("a.obj", text, options);
    for (const std::size_t threads : {2, 5, 9}) {
      const auto made = run_mesh_on("a.obj", text, options, nullptr, threads);
      ASSERT_TRUE(made && one);
      EXPECT_TRUE(made->assets.at(0).parts == one->assets.at(0).parts) << threads;
    }
  }
}

}  // namespace
}  // namespace graphite
