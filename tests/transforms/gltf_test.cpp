#include <gtest/gtest.h>

#include "tests/transforms/mesh_support.hpp"
#include "transforms/mesh_gltf.hpp"
#include "transforms/mesh_gltf_data.hpp"

namespace graphite {
namespace {

using namespace test;

const mesh_options plain{{"quantize", false}};

/// The triangles of a document that should be read, in whole coordinates.
std::vector<std::array<long, 9>> read_grid(const result<transform_output>& made) {
  if (!made) ADD_FAILURE() << made.error().context;
  return made ? on_grid(plain_reader(joined(made->assets[0])).all_triangles(), 1)
              : decltype(on_grid({}, 1)){};
}

std::string failure(const gltf_builder& from, const std::string& more = R"("nodes":[{"mesh":0}])") {
  const auto made = run_mesh_on("a.glb", from.glb(more), plain);
  return made ? "made" : std::string(to_string(made.error().code)) + " " + made.error().context;
}

const std::vector<triangle> square{{vertex{0, 0, 0}, {1, 0, 0}, {1, 1, 0}},
                                   {vertex{0, 0, 0}, {1, 1, 0}, {0, 1, 0}}};

TEST(gltf, reads_buffers_beside_it_inside_it_and_in_glb) {
  auto from = square_gltf();
  from.primitive(R"("attributes":{"POSITION":0},"indices":1)");
  memory_files files;
  files.files["models/my mesh.bin"] = from.buffer;
  EXPECT_EQ(read_grid(run_mesh_on("models/a.gltf", from.document("my%20mesh.bin"), plain, &files)),
            on_grid(square, 1));
  EXPECT_EQ(files.asked, std::vector<std::string>{"models/my mesh.bin"});
  EXPECT_EQ(read_grid(run_mesh_on("a.glb", from.glb(), plain)), on_grid(square, 1));
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string coded = "data:application/octet-stream;base64,";
  for (std::size_t i = 0; i < from.buffer.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < from.buffer.size() ? static_cast<unsigned char>(from.buffer[i + k]) : 0u);
    for (int k = 3; k >= 0; --k) coded.push_back(digits[bits >> (6 * k) & 63]);
  }
  EXPECT_EQ(read_grid(run_mesh_on("a.gltf", from.document(coded), plain)), on_grid(square, 1));
  const auto missing = run_mesh_on("a.gltf", from.document("none.bin"), plain);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::not_found);
  EXPECT_EQ(missing.error().context, "buffer 0: none.bin: no such file");
  EXPECT_FALSE(run_mesh_on("a.gltf", from.document("../out.bin"), plain));
}

TEST(gltf, strips_and_fans_keep_the_winding) {
  auto from = square_gltf();
  const auto strip = from.accessor(from.view<std::uint8_t>({0, 1, 3, 2}), 5121, 4, "SCALAR");
  from.primitive(fmt::format(R"("attributes":{{"POSITION":0}},"indices":{},"mode":5)", strip));
  EXPECT_EQ(read_grid(run_mesh_on("a.glb", from.glb(), plain)),
            on_grid({{vertex{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}, {vertex{1, 0, 0}, {1, 1, 0}, {0, 1, 0}}}, 1));
  auto fan = square_gltf();
  fan.primitive(R"("attributes":{"POSITION":0},"mode":6)");
  EXPECT_EQ(read_grid(run_mesh_on("a.glb", fan.glb(), plain)), on_grid(square, 1));
}

TEST(gltf, points_and_lines_are_left_out_with_a_warning) {
  auto from = square_gltf();
  from.primitive(R"("attributes":{"POSITION":0},"mode":1)");
  from.primitive(R"("attributes":{"POSITION":0},"indices":1)");
  const auto made = run_mesh_on("a.glb", from.glb(), plain);
  EXPECT_EQ(read_grid(made), on_grid(square, 1));
  EXPECT_EQ(made->warnings, "points and lines are left out\n");
}

TEST(gltf, interleaved_values_of_each_type_are_read) {
  gltf_builder from;
  // Per vertex: three 16-bit positions, padding, four bytes of colour.
  std::vector<std::uint8_t> bytes;
  for (const auto& [x, y] : {std::pair{0, 0}, {7, 0}, {0, 9}}) {
    for (const int value : {x, y, -3, 0}) {
      bytes.push_back(static_cast<std::uint8_t>(value & 255));
      bytes.push_back(static_cast<std::uint8_t>(value < 0 ? 255 : 0));
    }
    for (const int value : {255, 0, 51, 255}) bytes.push_back(static_cast<std::uint8_t>(value));
  }
  const auto view = from.view(bytes, 12);
  from.accessor(view, 5122, 3, "VEC3");
  from.accessor(view, 5121, 3, "VEC4", R"(,"normalized":true,"byteOffset":8)");
  from.accessor(from.view<std::int8_t>({0, 0, 127, 0, 0, 0, 127, 0, 0, 0, -128, 0}, 4), 5120, 3, "VEC3",
                R"(,"normalized":true)");
  from.accessor(from.view<std::uint16_t>({0, 65535, 13107, 0, 1, 2}), 5123, 3, "VEC2",
                R"(,"normalized":true)");
  from.accessor(from.view<std::uint32_t>({2, 0, 1}), 5125, 3, "SCALAR");
  from.primitive(R"("attributes":{"POSITION":0,"COLOR_0":1,"NORMAL":2,"TEXCOORD_0":3},"indices":4)");
  const auto made =
      run_mesh_on("a.glb", from.glb(R"("extensionsRequired":["KHR_mesh_quantization"])"), plain);
  EXPECT_EQ(read_grid(made), on_grid({{vertex{0, 9, -3}, {0, 0, -3}, {7, 0, -3}}}, 1));
  const plain_reader file(joined(made->assets[0]));
  const auto draw = file.draw_of(0, 0);
  std::uint32_t origin = 0;
  while (file.value(0, draw, 1, origin)[0] + file.value(0, draw, 1, origin)[1] > 0) ++origin;
  EXPECT_FLOAT_EQ(static_cast<float>(file.value(0, draw, 6, origin)[2]), 0.2f);
  EXPECT_FLOAT_EQ(static_cast<float>(file.value(0, draw, 2, origin)[2]), 1.0f);
  EXPECT_FLOAT_EQ(static_cast<float>(file.value(0, draw, 4, origin)[1]), 1.0f);
}

TEST(gltf, sparse_values_replace_those_of_the_view_or_zeros) {
  auto from = square_gltf();
  const auto indices = from.view<std::uint16_t>({1, 3});
  const auto values = from.view<float>({5, 0, 0, 0, 7, 0});
  const auto sparse = [&](const std::string& base, int count, int at) {
    return from.accessor(
        fmt::format(R"({}"componentType":5126,"count":4,"type":"VEC3","sparse":{{"count":{},)"
                    R"("indices":{{"bufferView":{},"componentType":5123}},"values":{{"bufferView":{}}}}})",
                    base, count, at, values));
  };
  const auto over = sparse(R"("bufferView":0,)", 2, indices);
  from.primitive(fmt::format(R"("attributes":{{"POSITION":{}}},"indices":1)", over));
  EXPECT_EQ(read_grid(run_mesh_on("a.glb", from.glb(), plain)),
            on_grid({{vertex{0, 0, 0}, {5, 0, 0}, {1, 1, 0}}, {vertex{0, 0, 0}, {1, 1, 0}, {0, 7, 0}}}, 1));
  auto zeros = from;
  zeros.primitives.clear();
  const auto alone = zeros.accessor(fmt::format(
      R"("componentType":5126,"count":4,"type":"VEC3","sparse":{{"count":2,"indices":{{"bufferView":{},)"
      R"("componentType":5123}},"values":{{"bufferView":{}}}}})",
      indices, values));
  const auto corners = zeros.accessor(zeros.view<std::uint8_t>({0, 1, 3}), 5121, 3, "SCALAR");
  zeros.primitive(fmt::format(R"("attributes":{{"POSITION":{}}},"indices":{})", alone, corners));
  EXPECT_EQ(read_grid(run_mesh_on("a.glb", zeros.glb(), plain)),
            on_grid({{vertex{0, 0, 0}, {5, 0, 0}, {0, 7, 0}}}, 1));
  auto bad = from;
  bad.primitives.clear();
  const auto backwards = bad.view<std::uint16_t>({3, 1});
  const auto wrong = bad.accessor(fmt::format(
      R"("bufferView":0,"componentType":5126,"count":4,"type":"VEC3","sparse":{{"count":2,"indices":{{"bufferView":{},)"
      R"("componentType":5123}},"values":{{"bufferView":{}}}}})",
      backwards, values));
  bad.primitive(fmt::format(R"("attributes":{{"POSITION":{}}},"indices":1)", wrong));
  EXPECT_EQ(failure(bad), fmt::format("corrupt accessor {}: sparse index 1 is out of order or range", wrong));
}

TEST(gltf, sparse_values_outside_of_what_is_used_are_left_out) {
  gltf_builder from;
  const auto places = from.view<std::uint8_t>({0, 4, 6});
  const auto replaced = from.view<float>({7, 7, 7, 1, 2, 3, 8, 8, 8});
  from.accessor(fmt::format(
      R"("componentType":5126,"count":7,"type":"VEC3","sparse":{{"count":3,"indices":{{"bufferView":{},)"
      R"("componentType":5121}},"values":{{"bufferView":{}}}}})",
      places, replaced));
  from.accessor(from.view<std::uint8_t>({3, 4, 5}), 5121, 3, "SCALAR");
  from.primitive(R"("attributes":{"POSITION":0},"indices":1)");
  memory_files files;
  decode_budget budget(1 << 20);
  mesh_warnings warnings;
  const auto glb = from.glb();
  const auto read = read_gltf(logical_path::parse("a.glb").value(), as_bytes(glb), files, budget, warnings);
  ASSERT_TRUE(read) << read.error().context;
  EXPECT_EQ(read->meshes.at(0).primitives.at(0).positions, (std::vector<float>{0, 0, 0, 1, 2, 3, 0, 0, 0}));
}

TEST(gltf, keeps_nodes_parents_first_with_skins_and_materials) {
  auto from = square_gltf();
  from.accessor(from.view<std::uint8_t>({0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}), 5121, 4, "VEC4");
  from.accessor(from.view<float>({1, 3, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}), 5126, 4, "VEC4");
  from.primitive(R"("attributes":{"POSITION":0,"JOINTS_0":2,"WEIGHTS_0":3},"indices":1,"material":0)");
  const auto made = run_mesh_on(
      "m/a.glb",
      from.glb(
          R"("scene":0,"scenes":[{"nodes":[2]}],)"
          R"("nodes":[{"name":"leaf","mesh":0,"skin":0,"scale":[2,3,4]},{"name":"stray"},)"
          R"({"name":"root","children":[0],"translation":[1,2,3]}],)"
          R"("skins":[{"joints":[2,0]}],)"
          R"("images":[{"uri":"../tex/wall%201.png"},{"bufferView":0,"mimeType":"image/png"}],)"
          R"("textures":[{"source":0},{"source":1}],)"
          R"("materials":[{"name":"wall","doubleSided":true,"alphaMode":"MASK","alphaCutoff":0.25,)"
          R"("normalTexture":{"index":1},"pbrMetallicRoughness":{"baseColorFactor":[1,0.5,0.25,1],"metallicFactor":0,)"
          R"("baseColorTexture":{"index":0,"texCoord":1}}}])"));
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->warnings, "images inside the file are left out: put them beside it\n");
  const plain_reader file(joined(made->assets[0]));
  ASSERT_EQ(file.count(6), 2u);
  const auto root = file.record(6, 0), leaf = file.record(6, 1);
  EXPECT_EQ(file.text(root + 16), "root");
  EXPECT_EQ(file.at<float>(root + 24 + 4 * 13), 2.0f);
  EXPECT_EQ(file.at<std::uint32_t>(root), 0xffffffffu);
  EXPECT_EQ(file.text(leaf + 16), "leaf");
  EXPECT_EQ(file.at<std::uint32_t>(leaf), 0u);
  EXPECT_EQ(file.at<std::uint32_t>(leaf + 8), 0u);
  EXPECT_EQ(file.at<float>(leaf + 24 + 4 * 5), 3.0f);
  ASSERT_EQ(file.count(8), 2u);
  EXPECT_EQ(file.at<std::uint32_t>(file.record(8, 1)), 1u);
  const auto material = file.record(9, 0);
  EXPECT_EQ(file.text(material), "wall");
  EXPECT_EQ(file.at<float>(material + 12), 0.5f);
  EXPECT_EQ(file.at<float>(material + 44), 0.25f);
  EXPECT_EQ(file.at<std::uint32_t>(material + 48), 1u);
  EXPECT_EQ(file.at<std::uint32_t>(material + 52), 1u);
  ASSERT_EQ(file.count(10), 1u);
  EXPECT_EQ(file.text(file.record(10, 0) + 8), "tex/wall 1.png");
  EXPECT_EQ(file.at<std::uint32_t>(file.record(10, 0) + 4), 1u);
  const auto draw = file.draw_of(0, 0);
  EXPECT_NE(file.attribute(draw, 7), 0u);
  const auto quantized = run_mesh_on("m/a.glb", from.glb(R"("materials":[{}])"));
  ASSERT_TRUE(quantized) << quantized.error().context;
  const plain_reader small(joined(quantized->assets[0]));
  for (std::uint32_t v = 0; v < 4; ++v) {
    double sum = 0;
    for (const auto weight : small.value(0, small.draw_of(0, 0), 8, v)) sum += weight;
    EXPECT_NEAR(sum, 1, 1e-9);
  }
}

TEST(gltf, refuses_nodes_that_go_round_or_deep) {
  auto from = square_gltf();
  from.primitive(R"("attributes":{"POSITION":0},"indices":1)");
  EXPECT_EQ(failure(from, R"("nodes":[{"children":[1]},{"children":[0]}])"),
            "corrupt nodes that are their own ancestors");
  EXPECT_EQ(failure(from, R"("nodes":[{"children":[0]}])"), "corrupt node 0 has two parents or is its own");
  EXPECT_EQ(failure(from, R"("nodes":[{"children":[2]},{"children":[2]},{}])"),
            "corrupt node 2 has two parents or is its own");
  EXPECT_EQ(failure(from, R"("nodes":[{"children":[7]}])"), "corrupt node 0: 'children' names no node");
  std::string chain;
  for (int i = 1; i <= 300; ++i) chain += fmt::format(R"({{"children":[{}]}},)", i);
  EXPECT_EQ(failure(from, "\"nodes\":[" + chain + "{}]"), "too_large nodes of a depth over 256");
}

TEST(gltf, refuses_accessors_that_reach_out_of_their_views) {
  const auto with = [](const std::string& json) {
    auto from = square_gltf();
    from.accessor(json);
    from.primitive(R"("attributes":{"POSITION":2},"indices":1)");
    return failure(from);
  };
  EXPECT_EQ(with(R"("bufferView":0,"componentType":5126,"count":5,"type":"VEC3")"),
            "corrupt accessor 2 reaches beyond buffer view 0");
  EXPECT_EQ(with(R"("bufferView":0,"componentType":5126,"count":4,"type":"VEC3","byteOffset":4)"),
            "corrupt accessor 2 reaches beyond buffer view 0");
  EXPECT_EQ(
      with(
          R"("bufferView":0,"componentType":5126,"count":4,"type":"VEC3","byteOffset":18446744073709551600)"),
      "corrupt accessor 2: 'byteOffset' is 18446744073709551600, over 1099511627776");
  EXPECT_EQ(with(R"("bufferView":0,"componentType":5126,"count":4294967296,"type":"VEC3")"),
            "corrupt accessor 2 reaches beyond buffer view 0");
  EXPECT_EQ(with(R"("bufferView":9,"componentType":5126,"count":4,"type":"VEC3")"),
            "corrupt accessor 2: 'bufferView' is 9, over 1");
  EXPECT_EQ(with(R"("bufferView":0,"componentType":5130,"count":4,"type":"VEC3")"),
            "corrupt accessor 2: has no component type of glTF");
  EXPECT_EQ(with(R"("bufferView":0,"componentType":5126,"count":-4,"type":"VEC3")"),
            "corrupt accessor 2: 'count' is no whole number");
  EXPECT_EQ(with(R"("bufferView":0,"componentType":5126,"count":4,"type":"VEC2")"),
            "corrupt accessor 2 has 2 components of 3");
}

TEST(gltf, a_small_document_cannot_ask_for_much_memory) {
  auto many = square_gltf();
  many.accessor(R"("componentType":5126,"count":10000,"type":"VEC4")");
  many.accessor(R"("componentType":5126,"count":10000,"type":"VEC3")");
  const auto all = many.accessor(many.view<std::uint16_t>({0, 5'000, 9'999}), 5123, 3, "SCALAR");
  for (int i = 0; i < 3; ++i)
    many.primitive(fmt::format(R"("attributes":{{"POSITION":3,"TANGENT":2,"COLOR_0":2}},"indices":{})", all));
  const auto read_with = [glb = many.glb()](std::uint64_t bytes_max) {
    memory_files files;
    decode_budget budget(bytes_max);
    mesh_warnings warnings;
    const auto read = read_gltf(logical_path::parse("a.glb").value(), as_bytes(glb), files, budget, warnings);
    return read ? "read" : std::string(to_string(read.error().code)) + " " + read.error().context;
  };
  // Each primitive takes 440,000 bytes and its indices.
  EXPECT_EQ(read_with(1'400'000), "read");
  EXPECT_EQ(read_with(1'000'000),
            "too_large accessor 3: more mesh data in all than a source may have (1 GiB)");
}

TEST(gltf, vertices_that_primitives_share_are_read_only_where_they_are_used) {
  // A strip of many triangles in one list of vertices, each a primitive of its own.
  const std::size_t count = 20'000, primitives = 2'000;
  std::vector<float> positions(3 * count), colours(3 * count);
  for (std::size_t i = 0; i < count; ++i) {
    positions[3 * i] = static_cast<float>(i);
    positions[3 * i + 1] = static_cast<float>(i % 3);
    colours[3 * i] = static_cast<float>(i % 2);
  }
  gltf_builder from;
  from.accessor(from.view(positions), 5126, count, "VEC3");
  from.accessor(from.view(colours), 5126, count, "VEC3");
  for (std::size_t p = 0; p < primitives; ++p) {
    const auto first = static_cast<std::uint16_t>(p * 9);
    const std::vector<std::uint16_t> list{static_cast<std::uint16_t>(first + 2), first,
                                          static_cast<std::uint16_t>(first + 4)};
    from.primitive(fmt::format(R"("attributes":{{"POSITION":0,"COLOR_0":1}},"indices":{})",
                               from.accessor(from.view(list), 5123, 3, "SCALAR")));
  }
  memory_files files;
  decode_budget budget(1 << 20);  // in full they would take 2,000 times half a megabyte
  mesh_warnings warnings;
  const auto glb = from.glb();
  const auto read = read_gltf(logical_path::parse("a.glb").value(), as_bytes(glb), files, budget, warnings);
  ASSERT_TRUE(read) << read.error().context;
  const auto& made = read->meshes.at(0).primitives;
  ASSERT_EQ(made.size(), primitives);
  const auto& last = made.back();
  EXPECT_EQ(last.vertex_count, 5u);
  EXPECT_EQ(last.indices, (std::vector<std::uint32_t>{2, 0, 4}));
  EXPECT_EQ(last.positions[0], 9 * 1'999);
  EXPECT_EQ(last.colours.size(), 20u);
  EXPECT_EQ(last.colours[0], 1);
}

TEST(gltf, names_accessor_and_value_of_what_is_not_finite_or_out_of_range) {
  gltf_builder from;
  from.accessor(from.view<float>({0, 0, 0, 1, 0, 0, 1, std::nanf(""), 0}), 5126, 3, "VEC3");
  from.primitive(R"("attributes":{"POSITION":0})");
  EXPECT_EQ(failure(from), "corrupt accessor 0: value 2 is not finite");
  auto other = square_gltf();
  const auto far = other.accessor(other.view<std::uint8_t>({0, 1, 4}), 5121, 3, "SCALAR");
  other.primitive(fmt::format(R"("attributes":{{"POSITION":0}},"indices":{})", far));
  EXPECT_EQ(failure(other), fmt::format("corrupt accessor {}: value 2 is 4, not below 4", far));
}

TEST(gltf, refuses_extensions_by_name_and_other_versions) {
  auto from = square_gltf();
  from.primitive(R"("attributes":{"POSITION":0},"indices":1)");
  EXPECT_EQ(failure(from, R"("extensionsRequired":["KHR_draco_mesh_compression"])"),
            "unsupported it requires the extension KHR_draco_mesh_compression, which is not read");
  const auto old = run_mesh_on("a.gltf", R"({"asset":{"version":"1.0"}})");
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, errc::unsupported);
  EXPECT_FALSE(run_mesh_on("a.gltf", std::string(100'000, '[')));
  EXPECT_FALSE(run_mesh_on("a.gltf", ""));
  EXPECT_FALSE(run_mesh_on("a.glb", from.glb().substr(0, 30)));
}

TEST(gltf, warns_of_animations_and_morph_targets) {
  auto from = square_gltf();
  from.primitive(R"("attributes":{"POSITION":0},"indices":1,"targets":[{"POSITION":0}])");
  const auto made = run_mesh_on("a.glb", from.glb(R"("nodes":[{"mesh":0}],"animations":[])"), plain);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->warnings, "animations are left out\nmorph targets are left out\n");
}

TEST(gltf, warns_of_cameras_and_lights) {
  auto from = square_gltf();
  from.primitive(R"("attributes":{"POSITION":0},"indices":1)");
  const auto made = run_mesh_on(
      "a.glb", from.glb(R"("nodes":[{"mesh":0}],"cameras":[],"extensions":{"KHR_lights_punctual":{}})"),
      plain);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->warnings, "cameras are left out\nlights are left out\n");
}

TEST(gltf, base64_is_read_strictly) {
  EXPECT_EQ(as_text(decode_data_uri("data:;base64,aGk=").value()), "hi");
  EXPECT_FALSE(decode_data_uri("data:;base64,a*k="));
  EXPECT_FALSE(decode_data_uri("data:;base64,aGkaa"));
  EXPECT_FALSE(decode_data_uri("data:text/plain,hi"));
  EXPECT_EQ(percent_decoded_uri("a%20b%zz%4"), "a b%zz%4");
}

}  // namespace
}  // namespace graphite
