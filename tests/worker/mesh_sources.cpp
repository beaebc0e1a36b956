#include "tests/transforms/mesh_sources.hpp"

#include <limits>

#include "tests/worker/sources.hpp"

namespace graphite::test {

namespace {

const given_options with_levels{{"lods", std::int64_t{2}}, {"generate_normals", true}};

source_file mesh(const std::string& path, std::string bytes, std::map<std::string, std::string> beside = {}) {
  return {.transform = "mesh",
          .path = path,
          .bytes = std::move(bytes),
          .options = with_levels,
          .outputs = {},
          .beside = std::move(beside)};
}

std::string base64_of(const std::string& bytes) {
  constexpr auto letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto left = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i)
      three = three << 8 | (i < left ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) out += i <= left ? letters[three >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

/// Every kind of attribute, two primitives, a skin, nodes, materials with textures.
gltf_builder rich_gltf() {
  auto out = square_gltf();
  out.accessor(out.view<float>({0, 0, 1, 0, 1, 1, 0, 1}), 5126, 4, "VEC2");
  out.accessor(out.view<float>({0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1}), 5126, 4, "VEC3");
  out.accessor(out.view<std::uint8_t>({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 5121, 4, "VEC4");
  out.accessor(out.view<float>({1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}), 5126, 4, "VEC4");
  out.accessor(
      R"("bufferView":0,"componentType":5126,"count":4,"type":"VEC3","sparse":{"count":1,"indices":{"bufferView":1,"componentType":5123},"values":{"bufferView":3}})");
  out.primitive(
      R"("attributes":{"POSITION":0,"TEXCOORD_0":2,"NORMAL":3,"JOINTS_0":4,"WEIGHTS_0":5},"indices":1,"material":0)");
  out.primitive(R"("attributes":{"POSITION":6},"mode":5)");
  return out;
}

constexpr auto rest =
    R"("nodes":[{"mesh":0,"skin":0,"children":[1,2]},{"translation":[1,2,3]},{"matrix":[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1],"mesh":0}],)"
    R"("scenes":[{"nodes":[0]}],"scene":0,"skins":[{"joints":[1]}],"images":[{"uri":"stone.png"}],"textures":[{"source":0}],)"
    R"("materials":[{"name":"stone","pbrMetallicRoughness":{"baseColorTexture":{"index":0}},"alphaMode":"MASK"}])";

/// A document whose one buffer has `floats` as positions, with an accessor as `json` says.
std::string with_accessor(const std::string& json) {
  auto out = square_gltf();
  out.accessor(json);
  out.primitive(R"("attributes":{"POSITION":2})");
  return out.glb();
}

std::string with_positions(const std::vector<float>& values) {
  gltf_builder out;
  out.accessor(out.view<float>(values), 5126, values.size() / 3, "VEC3");
  out.primitive(R"("attributes":{"POSITION":0})");
  return out.glb();
}

std::string with_nodes(const std::string& more) {
  auto out = square_gltf();
  out.primitive(R"("attributes":{"POSITION":0},"indices":1)");
  return out.glb(more);
}

std::string chain_of_nodes(int count) {
  std::string out = R"("nodes":[{"mesh":0)";
  for (int i = 1; i < count; ++i) out += fmt::format(R"(,"children":[{}]}},{{"mesh":0)", i);
  return out + "}]";
}

std::string polygon_of(int corners) {
  std::string out, face = "f";
  for (int i = 0; i < corners; ++i) {
    out += fmt::format("v {} {} 0\n", std::cos(i), std::sin(i));
    face += fmt::format(" {}", i + 1);
  }
  return out + face + "\n";
}

}  // namespace

std::vector<source_format> mesh_formats() {
  const auto rich = rich_gltf();
  return {{"gltf",
           {mesh("m/a.gltf", rich.document("mesh.bin", rest), {{"m/mesh.bin", rich.buffer}}),
            mesh("m/b.gltf",
                 rich.document("data:application/octet-stream;base64," + base64_of(rich.buffer), rest))}},
          {"glb",
           {mesh("m/a.glb", rich.glb(rest)),
            mesh("m/b.glb", with_positions(std::vector<float>{0, 0, 0, 1, 0, 0, 0, 1, 0}))}},
          {"obj",
           {mesh("m/a.obj", cube_obj()),
            mesh("m/b.obj", "usemtl a\n" + hills_obj(5) + "f -1 -2 -3\nf 1// 2// 3//\n")}}};
}

source_file larger_mesh() { return mesh("m/hills.obj", hills_obj(40)); }

std::vector<trap> mesh_traps() {
  constexpr auto nan = std::numeric_limits<float>::quiet_NaN();
  constexpr auto infinite = std::numeric_limits<float>::infinity();
  return {
      {"node_is_its_own_child", mesh("a.glb", with_nodes(R"("nodes":[{"mesh":0,"children":[0]}])"))},
      {"nodes_in_a_ring",
       mesh("a.glb", with_nodes(R"("nodes":[{"mesh":0,"children":[1]},{"children":[2]},{"children":[0]}])"))},
      {"node_with_two_parents",
       mesh("a.glb", with_nodes(R"("nodes":[{"children":[2]},{"children":[2]},{"mesh":0}])"))},
      {"nodes_100000_deep", mesh("a.glb", with_nodes(chain_of_nodes(60'000)))},
      {"accessor_of_2_32",
       mesh("a.glb",
            with_accessor(R"("bufferView":0,"componentType":5126,"count":4294967295,"type":"VEC3")"))},
      {"accessor_of_2_63",
       mesh(
           "a.glb",
           with_accessor(
               R"("bufferView":0,"byteOffset":9223372036854775807,"componentType":5126,"count":4,"type":"VEC3")"))},
      {"accessor_without_a_view",
       mesh("a.glb", with_accessor(R"("componentType":5126,"count":66000000,"type":"VEC3")"))},
      {"sparse_of_2_31",
       mesh(
           "a.glb",
           with_accessor(
               R"("componentType":5126,"count":2147483647,"type":"VEC3","sparse":{"count":2147483647,"indices":{"bufferView":1,"componentType":5123},"values":{"bufferView":0}})"))},
      {"count_is_negative",
       mesh("a.glb", with_accessor(R"("bufferView":0,"componentType":5126,"count":-3,"type":"VEC3")"))},
      {"count_is_no_whole_number",
       mesh("a.glb", with_accessor(R"("bufferView":0,"componentType":5126,"count":1e300,"type":"VEC3")"))},
      {"positions_that_are_no_numbers", mesh("a.glb", with_positions({nan, 0, 0, 1, nan, 0, 0, 1, nan}))},
      {"positions_at_infinity", mesh("a.glb", with_positions({infinite, 0, 0, 1, -infinite, 0, 0, 1, 0}))},
      {"positions_near_the_end", mesh("a.glb", with_positions({3e38f, 0, 0, -3e38f, 0, 0, 0, 3e38f, 0}))},
      {"positions_near_zero", mesh("a.glb", with_positions({1e-40f, 0, 0, 0, 1e-40f, 0, 0, 0, 1e-40f})),
       false},
      {"triangles_of_no_area",
       mesh("a.glb", with_positions({1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 2, 0, 0}))},
      {"deep_json", mesh("a.gltf", repeated("[", 1'000'000))},
      {"deep_objects", mesh("a.gltf", repeated("{\"a\":", 100'000))},
      {"glb_whose_chunk_is_too_long",
       mesh("a.glb", std::string("glTF\2\0\0\0\x14\0\0\0\xff\xff\xff\xffJSON", 20))},
      {"buffer_of_2_53",
       mesh("a.gltf",
            R"({"asset":{"version":"2.0"},"buffers":[{"byteLength":9007199254740992,"uri":"x.bin"}]})")},
      {"obj_with_huge_indices", mesh("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999999999999999\n")},
      {"obj_with_indices_below_all",
       mesh("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf -1 -2 -9223372036854775808\n")},
      {"obj_polygon_of_100000", mesh("a.obj", polygon_of(100'000))},
      {"obj_polygon_that_crosses_itself", mesh("a.obj", polygon_of(250)), false},
      {"obj_that_is_one_line", mesh("a.obj", "v " + std::string(8 << 20, '1'))},
      {"obj_of_numbers_without_an_end", mesh("a.obj", repeated("v 1e999 -1e999 1e-999\n", 3) + "f 1 2 3\n")},
      {"obj_with_a_million_groups",
       mesh("a.obj",
            "v 0 0 0\nv 1 0 0\nv 0 1 0\n" + repeated("g a b c\nusemtl x\nf 1 2 3\nusemtl y\n", 100'000))},
  };
}

}  // namespace graphite::test
