#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/transforms/mesh_support.hpp"
#include "transforms/mesh_file.hpp"
#include "transforms/mesh_obj.hpp"
#include "transforms/mesh_polygon.hpp"

namespace graphite {
namespace {

using namespace test;

result<source_scene> read_obj_text(std::string_view text, std::string* warnings = nullptr) {
  decode_budget budget(decoded_bytes_max);
  mesh_warnings lines;
  auto out = read_obj(as_bytes(text), budget, lines);
  if (warnings != nullptr) *warnings = lines.text();
  return out;
}

TEST(obj, a_cube_of_quads_comes_back_with_its_winding_and_materials) {
  const auto made = run_mesh_on("cube.obj", cube_obj());
  ASSERT_TRUE(made) << made.error().context;
  const plain_reader file(joined(made->assets.at(0)));
  ASSERT_EQ(file.count(3), 2u);
  EXPECT_EQ(file.triangles(0).size(), 8u);
  EXPECT_EQ(file.triangles(1).size(), 4u);
  EXPECT_EQ(file.text(file.record(9, 0)), "stone");
  EXPECT_EQ(file.text(file.record(9, 1)), "wood");
  EXPECT_EQ(file.at<std::uint32_t>(file.record(3, 1) + 4), 1u);
  double volume = 0;  // six times that of the cube, if all triangles are wound outwards
  for (const auto& [a, b, c] : file.all_triangles())
    volume += a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) +
              a[2] * (b[0] * c[1] - b[1] * c[0]);
  EXPECT_NEAR(volume, 6, 1e-6);
}

TEST(obj, negative_numbers_count_from_the_end) {
  const auto scene =
      read_obj_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 5 5 5\nv 6 5 5\nv 5 6 5\nf -3 -2 -1\n");
  ASSERT_TRUE(scene) << scene.error().context;
  const auto& one = scene->meshes.at(0).primitives.at(0);
  EXPECT_EQ(one.vertex_count, 6u);
  EXPECT_EQ(one.positions[one.indices[5] * 3 + 1], 6.0f);
}

TEST(obj, texture_coordinates_grow_downwards_and_seams_stay_apart) {
  const auto scene = read_obj_text(
      "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nvt 0 0.25\nvt 1 0\nvt 0.5 1\nvn 0 0 1\n"
      "f 1/1/1 2/2/1 3/3/1\nf 2/1/1 4/2/1 3/3/1\n");
  ASSERT_TRUE(scene) << scene.error().context;
  const auto& one = scene->meshes.at(0).primitives.at(0);
  EXPECT_EQ(one.vertex_count, 5u);  // of 2 there are two
  EXPECT_EQ(one.uvs[0][one.indices[0] * 2 + 1], 0.75f);
  EXPECT_EQ(one.normals.size(), 15u);
}

/// Random triangles in two objects; `corners`: those of the second one.
std::string random_obj(int places, int directions, std::vector<std::pair<int, int>>& corners) {
  std::mt19937 random(7);
  const auto pick = [&](int count) { return 1 + static_cast<int>(random() % static_cast<unsigned>(count)); };
  std::string text;
  for (int i = 0; i < places; ++i) text += fmt::format("v {} {} 0\n", i, i * i % 7);
  for (int i = 0; i < directions; ++i) text += fmt::format("vn {} 1 0\n", i);
  for (int part = 0; part < 2; ++part) {
    text += fmt::format("o part{}\n", part);
    corners.clear();
    for (int face = 0; face < 4'000; ++face) {
      for (int corner = 0; corner < 3; ++corner) {
        const auto& one = corners.emplace_back(pick(places), pick(directions));
        text += fmt::format("{} {}//{}", corner == 0 ? "f" : "", one.first, one.second);
      }
      text += '\n';
    }
  }
  return text;
}

TEST(obj, corners_of_the_same_numbers_are_one_vertex) {
  // With few positions and many normals, and the other way round.
  for (const auto& [places, directions] : {std::pair{3, 5'000}, {2'000, 3}, {40, 40}}) {
    std::vector<std::pair<int, int>> corners;
    const auto read = read_obj_text(random_obj(places, directions, corners));
    ASSERT_TRUE(read) << read.error().context;
    const auto& last = read->meshes.at(1).primitives.at(0);
    std::map<std::pair<int, int>, std::size_t> numbers;  // at first of their first corners
    for (std::size_t i = 0; i < corners.size(); ++i) numbers.try_emplace(corners[i], i);
    std::vector<std::pair<int, std::size_t>> order;  // by positions, then by first corners
    for (const auto& [one, first] : numbers) order.emplace_back(one.first, first);
    std::ranges::sort(order);
    ASSERT_EQ(last.vertex_count, order.size()) << places;
    for (std::uint32_t number = 0; number < order.size(); ++number) {
      const auto& one = corners[order[number].second];
      ASSERT_EQ(last.positions[number * 3], one.first - 1);
      ASSERT_EQ(last.normals[number * 3], one.second - 1);
      numbers[one] = number;
    }
    for (std::size_t i = 0; i < corners.size(); ++i) ASSERT_EQ(last.indices[i], numbers[corners[i]]) << i;
  }
}

TEST(obj, groups_make_meshes_and_continued_lines_are_one) {
  const auto scene =
      read_obj_text("v 0 0 0\nv 1 0 0\nv 0 1 0\ng left\nf 1 2 \\\n3\r\ng right\nf 1 3 2 # back\ng none\n");
  ASSERT_TRUE(scene) << scene.error().context;
  ASSERT_EQ(scene->meshes.size(), 2u);
  EXPECT_EQ(scene->meshes[0].name, "left");
  EXPECT_EQ(scene->nodes[1].name, "right");
}

TEST(obj, a_hollow_polygon_keeps_its_area) {
  // An L of three unit squares: a fan from its first corner would reach outside.
  const std::vector<std::array<float, 3>> corners{{2, 0, 0}, {2, 1, 0}, {1, 1, 0},
                                                  {1, 2, 0}, {0, 2, 0}, {0, 0, 0}};
  std::vector<std::uint32_t> out;
  triangulate(corners, out);
  ASSERT_EQ(out.size(), 12u);
  double sum = 0;
  for (std::size_t i = 0; i < out.size(); i += 3) {
    const auto &a = corners[out[i]], &b = corners[out[i + 1]], &c = corners[out[i + 2]];
    const double area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    EXPECT_GE(area, 0);
    sum += area;
  }
  EXPECT_EQ(sum, 6);
}

TEST(obj, says_the_line_of_what_is_wrong) {
  const auto wrong = [](std::string_view text) {
    const auto read = read_obj_text(text);
    return read ? "read" : std::string(to_string(read.error().code)) + " " + read.error().context;
  };
  EXPECT_EQ(wrong("v 0 0 0\nv 1 0 0\nv nan 0 0\n"), "corrupt line 3: 'nan' is no finite number");
  EXPECT_EQ(wrong("v 0 0\n"), "corrupt line 1: too few numbers");
  EXPECT_EQ(wrong("v 0 0 1e99\n"), "corrupt line 1: '1e99' is out of range");
  EXPECT_EQ(wrong("v 0 0 0\nf 1 1 2\n"), "corrupt line 2: vertex 2 of 1");
  EXPECT_EQ(wrong("v 0 0 0\nf 0 1 1\n"), "corrupt line 2: vertex 0 of 1");
  EXPECT_EQ(wrong("v 0 0 0\nf 1 1 -2\n"), "corrupt line 2: vertex -2 of 1");
  EXPECT_EQ(wrong("v 0 0 0\nf 1 1\n"), "corrupt line 2: a face of fewer than 3 corners");
  EXPECT_EQ(wrong("v 0 0 0\nf 1 1 99999999999999999999\n"),
            "corrupt line 2: '99999999999999999999' names no vertex");
  EXPECT_EQ(wrong("v 0 0 0\nf 1/1 1 1\n"), "corrupt line 2: vertex 1 of 0");
  EXPECT_EQ(wrong("# nothing\n"), "corrupt no faces");
  std::string many = "v 0 0 0\nf";
  for (std::size_t i = 0; i <= polygon_corners_max; ++i) many += " 1";
  EXPECT_EQ(wrong(many), "too_large line 2: a polygon of over 256 corners");
}

TEST(obj, a_spent_budget_is_an_error) {
  decode_budget budget(1000);
  mesh_warnings lines;
  const auto read = read_obj(as_bytes(hills_obj(10)), budget, lines);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::too_large);
}

TEST(obj, warns_of_what_it_leaves_out) {
  std::string warnings;
  ASSERT_TRUE(read_obj_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 0 1\nl 1 2\nf 1//1 2//1 3\n", &warnings));
  EXPECT_EQ(warnings,
            "points and lines are left out\nnormals are left out where not all corners have them\n");
}

}  // namespace
}  // namespace graphite
