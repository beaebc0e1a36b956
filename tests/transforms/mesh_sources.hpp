#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

/// \file Sources of meshes made in code.

namespace graphite::test {

/// A cube from 0 to 1 as OBJ, of quads, wound outwards.
inline std::string cube_obj() {
  return "# a cube\nmtllib cube.mtl\no cube\n"
         "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0 0 1\nv 1 0 1\nv 1 1 1\nv 0 1 1\n"
         "usemtl stone\nf 1 4 3 2\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nusemtl wood\nf 3 4 8 7\nf 4 1 5 8\n";
}

/// Hills over a square of `side` by `side` quads, with texture coordinates.
inline std::string hills_obj(int side) {
  std::string out;
  for (int y = 0; y <= side; ++y)
    for (int x = 0; x <= side; ++x)
      out += fmt::format("v {} {} {}\nvt {} {}\n", x, std::sin(x * 0.2) * std::cos(y * 0.17) * 2, y,
                         x / double(side), y / double(side));
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const int a = y * (side + 1) + x + 1, b = a + 1, c = b + side + 1, d = a + side + 1;
      out += fmt::format("f {0}/{0} {3}/{3} {2}/{2} {1}/{1}\n", a, b, c, d);
    }
  return out;
}

/// Builds a glTF document and its one buffer.
class gltf_builder {
 public:
  std::string buffer, views, accessors, primitives;

  /// Appends the bytes of `values` as a view; its number.
  template <class Number>
  int view(const std::vector<Number>& values, int stride = 0) {
    const auto at = buffer.size();
    buffer.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Number));
    const auto bytes = buffer.size() - at;
    while (buffer.size() % 4 != 0) buffer.push_back('\0');
    if (!views.empty()) views += ",";
    views += fmt::format(R"({{"buffer":0,"byteOffset":{},"byteLength":{}{}}})", at, bytes,
                         stride == 0 ? "" : fmt::format(R"(,"byteStride":{})", stride));
    return views_++;
  }
  int accessor(const std::string& json) {
    if (!accessors.empty()) accessors += ",";
    accessors += "{" + json + "}";
    return accessors_++;
  }
  int accessor(int view, int type, std::size_t count, const std::string& shape,
               const std::string& more = "") {
    return accessor(fmt::format(R"("bufferView":{},"componentType":{},"count":{},"type":"{}"{})", view, type,
                                count, shape, more));
  }
  void primitive(const std::string& json) { primitives += (primitives.empty() ? "{" : ",{") + json + "}"; }

  std::string document(const std::string& uri = "mesh.bin",
                       const std::string& more = R"("nodes":[{"mesh":0}])") const {
    return fmt::format(
        R"({{"asset":{{"version":"2.0"}},"buffers":[{{{}"byteLength":{}}}],"bufferViews":[{}],"accessors":[{}],)"
        R"("meshes":[{{"name":"m","primitives":[{}]}}],{}}})",
        uri.empty() ? "" : "\"uri\":\"" + uri + "\",", buffer.size(), views, accessors, primitives, more);
  }
  std::string glb(const std::string& more = R"("nodes":[{"mesh":0}])") const {
    auto json = document("", more);
    while (json.size() % 4 != 0) json.push_back(' ');
    const auto number = [](std::size_t value) {
      const auto stored = static_cast<std::uint32_t>(value);
      return std::string(reinterpret_cast<const char*>(&stored), 4);
    };
    return "glTF" + number(2) + number(28 + json.size() + buffer.size()) + number(json.size()) + "JSON" +
           json + number(buffer.size()) + std::string("BIN\0", 4) + buffer;
  }

 private:
  int views_ = 0, accessors_ = 0;
};

/// A unit square in the plane z = 0 of two triangles over four corners.
inline gltf_builder square_gltf() {
  gltf_builder out;
  out.accessor(out.view<float>({0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0}), 5126, 4, "VEC3");
  out.accessor(out.view<std::uint16_t>({0, 1, 2, 0, 2, 3}), 5123, 6, "SCALAR");
  return out;
}

}  // namespace graphite::test
