#include <gtest/gtest.h>

#include "tests/transforms/mesh_support.hpp"
#include "transforms/mesh_file.hpp"

namespace graphite {
namespace {

using namespace test;

vertex minus(const vertex& a, const vertex& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
double dot(const vertex& a, const vertex& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

double to_segment(const vertex& p, const vertex& a, const vertex& b) {
  const auto along = minus(b, a), away = minus(p, a);
  const auto part = std::clamp(dot(away, along) / std::max(dot(along, along), 1e-300), 0.0, 1.0);
  const vertex rest{away[0] - along[0] * part, away[1] - along[1] * part, away[2] - along[2] * part};
  return std::sqrt(dot(rest, rest));
}

double to_triangle(const vertex& p, const triangle& t) {
  const auto u = minus(t[1], t[0]), v = minus(t[2], t[0]), w = minus(p, t[0]);
  const auto uu = dot(u, u), uv = dot(u, v), vv = dot(v, v), wu = dot(w, u), wv = dot(w, v);
  const auto below = uu * vv - uv * uv;
  if (below > 0) {
    const auto s = (vv * wu - uv * wv) / below, r = (uu * wv - uv * wu) / below;
    if (s >= 0 && r >= 0 && s + r <= 1) {
      const vertex rest{w[0] - u[0] * s - v[0] * r, w[1] - u[1] * s - v[1] * r, w[2] - u[2] * s - v[2] * r};
      return std::sqrt(dot(rest, rest));
    }
  }
  return std::min({to_segment(p, t[0], t[1]), to_segment(p, t[1], t[2]), to_segment(p, t[2], t[0])});
}

double to_surface(const vertex& p, const std::vector<triangle>& surface) {
  double out = 1e300;
  for (const auto& one : surface) out = std::min(out, to_triangle(p, one));
  return out;
}

std::set<vertex> corners_of(const std::vector<triangle>& list) {
  std::set<vertex> out;
  for (const auto& one : list) out.insert(one.begin(), one.end());
  return out;
}

plain_reader hills_file(mesh_options options) {
  const auto made = run_mesh_on("hills.obj", hills_obj(32), options);
  if (!made) ADD_FAILURE() << made.error().context;
  return plain_reader(made ? joined(made->assets[0]) : byte_vector());
}

TEST(mesh_lod, each_level_has_about_the_triangles_asked_for_and_a_growing_error) {
  const auto file = hills_file({{"lods", std::int64_t{4}}, {"lod_error", 0.5}});
  ASSERT_EQ(file.levels(), 5u);
  float error = 0;
  for (std::uint32_t level = 1; level < 5; ++level) {
    const auto finer = file.triangles(0, level - 1).size(), coarser = file.triangles(0, level).size();
    EXPECT_LE(coarser, finer * 6 / 10);
    EXPECT_GE(coarser, finer * 4 / 10);
    const auto reached = file.at<float>(file.draw_of(0, level) + 36);
    EXPECT_GE(reached, error);
    EXPECT_EQ(file.at<float>(file.record(1, level) + 24), reached);
    error = reached;
  }
  EXPECT_EQ(file.at<float>(file.draw_of(0, 0) + 36), 0.0f);
}

TEST(mesh_lod, surfaces_are_within_the_error_of_each_other) {
  const auto file = hills_file({{"lods", std::int64_t{3}}, {"lod_error", 0.5}, {"quantize", false}});
  const auto original = file.triangles(0);
  for (std::uint32_t level = 1; level < file.levels(); ++level) {
    const auto error = double{file.at<float>(file.draw_of(0, level) + 36)};
    const auto coarse = file.triangles(0, level);
    for (const auto& p : corners_of(coarse)) EXPECT_LE(to_surface(p, original), error + 1e-6);
    double most = 0;
    for (const auto& p : corners_of(original)) most = std::max(most, to_surface(p, coarse));
    EXPECT_LE(most, error + 1e-6) << "level " << level;
    EXPECT_GT(error, 0);
    EXPECT_LE(error, most * 1.01) << "more than was measured";
  }
}

TEST(mesh_lod, the_error_asked_for_ends_the_levels) {
  const auto file = hills_file({{"lods", std::int64_t{8}}, {"lod_error", 0.001}});
  EXPECT_LT(file.levels(), 9u);
  const auto coarsest = file.draw_of(0, file.levels() - 1);
  EXPECT_LE(file.at<float>(coarsest + 36), 0.001f * 32 * 1.001f);
}

TEST(mesh_lod, the_border_of_the_mesh_stays) {
  const auto file = hills_file({{"lods", std::int64_t{2}}, {"lod_error", 0.5}, {"quantize", false}});
  for (const vertex& corner : {vertex{0, 0, 0}, {32, 0, 0}, {0, 0, 32}, {32, 0, 32}}) {
    bool found = false;
    for (const auto& p : corners_of(file.triangles(0, file.levels() - 1)))
      found = found || (p[0] == corner[0] && p[2] == corner[2]);
    EXPECT_TRUE(found);
  }
}

TEST(mesh_lod, a_submesh_without_a_finer_level_is_drawn_from_the_coarsest) {
  const auto made = run_mesh_on("two.obj", "usemtl a\n" + hills_obj(32) + "usemtl b\nf 1 2 40\n",
                                {{"lods", std::int64_t{2}}, {"lod_error", 0.5}});
  ASSERT_TRUE(made) << made.error().context;
  const auto bytes = joined(made->assets[0]);
  ASSERT_TRUE(open_mesh_file(bytes)) << open_mesh_file(bytes).error().context;
  const plain_reader file(bytes);
  ASSERT_EQ(file.levels(), 3u);
  for (std::uint32_t level = 0; level < 3; ++level) {
    EXPECT_EQ(file.triangles(1, level).size(), 1u);
    const auto place = file.at<std::uint64_t>(file.draw_of(1, level));
    EXPECT_LT(place, file.at<std::uint64_t>(file.record(1, 1)));
  }
}

}  // namespace
}  // namespace graphite
