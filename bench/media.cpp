#include "bench/media.hpp"

#include <zlib.h>

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <random>

#include "bench/child.hpp"

namespace graphite::bench {

namespace {

void put_u32_big(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

template <class T>
void put_little(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_png_chunk(std::string& out, const std::string& kind, const std::string& data) {
  put_u32_big(out, static_cast<std::uint32_t>(data.size()));
  const auto body = kind + data;
  out += body;
  put_u32_big(out, static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                                                      static_cast<uInt>(body.size()))));
}

/// Smooth noise: a lattice of random values, interpolated.
class value_noise {
 public:
  explicit value_noise(std::uint64_t seed) : lattice_(lattice * lattice) {
    std::mt19937_64 random(seed);
    for (auto& one : lattice_) one = static_cast<float>(random() % 65'536) / 65'536.0f;
  }
  float at(float x, float y) const {
    const auto fx = std::floor(x), fy = std::floor(y);
    const auto ix = static_cast<std::uint32_t>(fx), iy = static_cast<std::uint32_t>(fy);
    const auto u = smooth(x - fx), v = smooth(y - fy);
    const auto top = std::lerp(value(ix, iy), value(ix + 1, iy), u);
    return std::lerp(top, std::lerp(value(ix, iy + 1), value(ix + 1, iy + 1), u), v);
  }

 private:
  static constexpr std::uint32_t lattice = 256;
  static float smooth(float t) { return t * t * (3 - 2 * t); }
  float value(std::uint32_t x, std::uint32_t y) const {
    return lattice_[(y % lattice) * lattice + x % lattice];
  }
  std::vector<float> lattice_;
};

}  // namespace

picture_rgb make_picture(std::uint32_t width, std::uint32_t height, std::uint64_t seed) {
  picture_rgb out{width, height, {}};
  out.pixels.reserve(std::size_t{3} * width * height);
  const value_noise noise(seed);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      float sum = 0, weight = 0.5f, scale = 8.0f / static_cast<float>(width);
      for (int octave = 0; octave < 7; ++octave, weight /= 2, scale *= 2)
        sum += weight * noise.at(static_cast<float>(x) * scale, static_cast<float>(y) * scale);
      const float tiles = (x / 64 + y / 64) % 2 == 0 ? 0.15f : 0.0f;
      const float hue = noise.at(static_cast<float>(x) * 0.004f + 77, static_cast<float>(y) * 0.004f);
      for (const float share : {hue, 0.8f, 1 - hue})
        out.pixels.push_back(static_cast<std::uint8_t>(
            std::clamp((sum * 1.2f * (0.4f + share * 0.6f) + tiles) * 255, 0.0f, 255.0f)));
    }
  }
  return out;
}

std::string png_of(const picture_rgb& picture) {
  const std::size_t row = std::size_t{3} * picture.width;
  std::string raw;
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    raw += '\1';  // each byte less the one three before it
    const auto* const line = picture.pixels.data() + y * row;
    for (std::size_t i = 0; i < row; ++i) raw += static_cast<char>(line[i] - (i < 3 ? 0 : line[i - 3]));
  }
  std::string packed(::compressBound(static_cast<uLong>(raw.size())), 0);
  auto size = static_cast<uLongf>(packed.size());
  if (::compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(raw.data()),
                  static_cast<uLong>(raw.size()), 6) != Z_OK)
    give_up("cannot compress a picture");
  packed.resize(size);
  std::string head;
  put_u32_big(head, picture.width);
  put_u32_big(head, picture.height);
  head += std::string("\x08\x02\x00\x00\x00", 5);
  std::string out("\x89PNG\r\n\x1a\n", 8);
  put_png_chunk(out, "IHDR", head);
  put_png_chunk(out, "IDAT", packed);
  put_png_chunk(out, "IEND", {});
  return out;
}

scene make_scene(std::uint32_t side, const std::string& buffer_name, std::uint64_t seed) {
  const value_noise noise(seed);
  const auto points = side + 1;
  std::string positions, normals, coordinates, indices;
  for (std::uint32_t y = 0; y < points; ++y)
    for (std::uint32_t x = 0; x < points; ++x) {
      const auto u = static_cast<float>(x) / static_cast<float>(side),
                 v = static_cast<float>(y) / static_cast<float>(side);
      const auto height = [&](float a, float b) { return noise.at(a * 16, b * 16) * 0.2f; };
      const float step = 1.0f / static_cast<float>(side);
      const float dx = (height(u + step, v) - height(u, v)) / step,
                  dy = (height(u, v + step) - height(u, v)) / step;
      const float length = std::sqrt(dx * dx + dy * dy + 1);
      for (const float one : {u, height(u, v), v}) put_little(positions, one);
      for (const float one : {-dx / length, 1 / length, -dy / length}) put_little(normals, one);
      for (const float one : {u * 8, v * 8}) put_little(coordinates, one);
    }
  std::vector<std::array<std::uint32_t, 3>> triangles;
  for (std::uint32_t y = 0; y < side; ++y)
    for (std::uint32_t x = 0; x < side; ++x) {
      const auto a = y * points + x;
      triangles.push_back({a, a + points, a + 1});
      triangles.push_back({a + 1, a + points, a + points + 1});
    }
  std::mt19937_64 random(seed);
  std::shuffle(triangles.begin(), triangles.end(), random);
  for (const auto& one : triangles)
    for (const auto index : one) put_little(indices, index);
  scene out;
  out.triangles = triangles.size();
  out.vertices = std::size_t{points} * points;
  out.buffer = positions + normals + coordinates + indices;
  const auto count = points * points;
  const auto at_normals = positions.size(), at_coordinates = at_normals + normals.size(),
             at_indices = at_coordinates + coordinates.size();
  out.json = fmt::format(
      R"({{"asset":{{"version":"2.0"}},"scene":0,"scenes":[{{"nodes":[0]}}],"nodes":[{{"mesh":0}}],)"
      R"("meshes":[{{"primitives":[{{"attributes":{{"POSITION":0,"NORMAL":1,"TEXCOORD_0":2}},"indices":3}}]}}],)"
      R"("accessors":[{{"bufferView":0,"componentType":5126,"count":{0},"type":"VEC3","min":[0,0,0],"max":[1,1,1]}},)"
      R"({{"bufferView":1,"componentType":5126,"count":{0},"type":"VEC3"}},)"
      R"({{"bufferView":2,"componentType":5126,"count":{0},"type":"VEC2"}},)"
      R"({{"bufferView":3,"componentType":5125,"count":{1},"type":"SCALAR"}}],)"
      R"("bufferViews":[{{"buffer":0,"byteOffset":0,"byteLength":{2}}},{{"buffer":0,"byteOffset":{2},"byteLength":{3}}},)"
      R"({{"buffer":0,"byteOffset":{4},"byteLength":{5}}},{{"buffer":0,"byteOffset":{6},"byteLength":{7}}}],)"
      R"("buffers":[{{"byteLength":{8},"uri":"{9}"}}]}})",
      count, 3 * triangles.size(), positions.size(), normals.size(), at_coordinates, coordinates.size(),
      at_indices, indices.size(), out.buffer.size(), buffer_name);
  return out;
}

std::string obj_of(const scene& from) {
  const char* at = from.buffer.data();
  const auto next = [&at]<class Number>(Number) {
    Number out;
    std::memcpy(&out, at, sizeof out);
    at += sizeof out;
    return out;
  };
  std::string out;
  const auto write = [&](const char* kind, int numbers) {
    for (std::size_t i = 0; i < from.vertices; ++i) {
      out += kind;
      for (int n = 0; n < numbers; ++n) fmt::format_to(std::back_inserter(out), " {:.6f}", next(0.0f));
      out += '\n';
    }
  };
  write("v", 3);
  write("vn", 3);
  write("vt", 2);
  for (std::size_t i = 0; i < from.triangles; ++i) {
    out += 'f';
    for (int corner = 0; corner < 3; ++corner)
      fmt::format_to(std::back_inserter(out), " {0}/{0}/{0}", next(std::uint32_t{0}) + 1);
    out += '\n';
  }
  return out;
}

std::string make_sound(double seconds, std::uint64_t seed) {
  constexpr std::uint32_t rate = 44'100;
  const auto frames = static_cast<std::uint32_t>(seconds * rate);
  std::mt19937_64 random(seed);
  std::vector<double> tones(12);
  std::string data;
  for (std::uint32_t i = 0; i < frames; ++i) {
    if (i % (rate / 3) == 0)
      for (auto& tone : tones) tone = 55.0 * std::exp2(static_cast<double>(random() % 60) / 12.0);
    double sum = 0;
    const auto t = static_cast<double>(i) / rate;
    for (std::size_t n = 0; n < tones.size(); ++n)
      sum += std::sin(2 * std::numbers::pi * tones[n] * t) / static_cast<double>(n + 3);
    const auto hiss = (static_cast<double>(random() % 2001) / 1000 - 1) * 0.03;
    for (const double side : {sum * 0.25 + hiss, sum * 0.2 - hiss})
      put_little(data, static_cast<std::int16_t>(std::clamp(side, -1.0, 1.0) * 30'000));
  }
  std::string out = "RIFF";
  put_little(out, static_cast<std::uint32_t>(36 + data.size()));
  out += "WAVEfmt ";
  put_little(out, std::uint32_t{16});
  for (const std::uint16_t one : {1, 2}) put_little(out, one);
  put_little(out, rate);
  put_little(out, rate * 4);
  for (const std::uint16_t one : {4, 16}) put_little(out, one);
  out += "data";
  put_little(out, static_cast<std::uint32_t>(data.size()));
  return out + data;
}

std::string make_shader(std::uint64_t seed) {
  std::string out =
      "#version 450\nlayout(location = 0) in vec3 normal;\nlayout(location = 1) in vec2 place;\n"
      "layout(location = 0) out vec4 color;\nlayout(binding = 0) uniform sampler2D image;\n"
      "layout(binding = 1) uniform lights { vec4 direction[16]; vec4 tint[16]; };\n";
  for (std::uint64_t i = 0; i < 16; ++i)
    out += fmt::format(
        "vec3 layer_{0}(vec3 n, vec2 p) {{\n  float f = max(dot(n, direction[{0}].xyz), 0.0);\n"
        "  vec4 t = texture(image, p * {1}.0 + vec2({2}.0, f));\n"
        "  return pow(t.rgb, vec3(f + {3}.5)) * tint[{0}].rgb + smoothstep(0.1, {4}.0, t.a);\n}}\n",
        i, 1 + (seed + i) % 7, seed % 5, 1 + i % 3, 1 + (seed * i) % 4);
  out += "void main() {\n  vec3 sum = vec3(0.0);\n";
  for (int i = 0; i < 16; ++i) out += fmt::format("  sum += layer_{}(normalize(normal), place);\n", i);
  return out + "  color = vec4(sum, 1.0);\n}\n";
}

}  // namespace graphite::bench
