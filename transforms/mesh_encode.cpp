#include <cmath>
#include <cstring>
#include <limits>

#include "transforms/mesh_process.hpp"

namespace graphite {

namespace {

/// Least and greatest of each of `Count` components.
template <std::size_t Count>
struct value_range {
  std::array<float, Count> least, most;
  value_range() {
    least.fill(std::numeric_limits<float>::max());
    most.fill(std::numeric_limits<float>::lowest());
  }
  void take(const std::vector<float>& values) {
    for (std::size_t i = 0; i + Count <= values.size(); i += Count) {
      for (std::size_t k = 0; k < Count; ++k) {
        least[k] = std::min(least[k], values[i + k]);
        most[k] = std::max(most[k], values[i + k]);
      }
    }
  }
  result<void> check(const char* what) const {
    for (std::size_t k = 0; k < Count; ++k)
      if (least[k] < -mesh_coordinate_max || most[k] > mesh_coordinate_max)
        return fail(errc::corrupt, std::string(what) + ": a coordinate beyond 1e18");
    return {};
  }
};

float inverse(float scale) { return scale > 0 ? 65535 / scale : 0; }

std::uint16_t to_unorm16(float value, float offset, float factor) {
  const float scaled = (value - offset) * factor + 0.5f;
  return static_cast<std::uint16_t>(scaled < 0 ? 0.0f : scaled > 65535 ? 65535.0f : scaled);
}

std::int8_t to_snorm8(float value) {
  const float limited = value < -1 ? -1.0f : value > 1 ? 1.0f : value;
  return static_cast<std::int8_t>(limited * 127 + (limited < 0 ? -0.5f : 0.5f));
}

std::uint8_t to_unorm8(float value) {
  return static_cast<std::uint8_t>((value < 0 ? 0.0f : value > 1 ? 1.0f : value) * 255 + 0.5f);
}

/// Four weights whose bytes sum up to 255; without any weight, the first joint has it all.
void encode_weights(const float* from, std::uint8_t* to) {
  float sum = 0;
  for (int i = 0; i < 4; ++i) sum += from[i] > 0 ? from[i] : 0;
  int left = 255, greatest = 0;
  for (int i = 0; i < 4; ++i) {
    to[i] = sum > 0 && from[i] > 0 ? to_unorm8(from[i] / sum) : std::uint8_t{0};
    left -= to[i];
    if (to[i] > to[greatest]) greatest = i;
  }
  to[greatest] = static_cast<std::uint8_t>(to[greatest] + left);
}

void encode_unit(const float* from, bool with_sign, std::int8_t* to) {
  const float length = std::sqrt(from[0] * from[0] + from[1] * from[1] + from[2] * from[2]);
  const float factor = length > 0 && std::isfinite(length) ? 1 / length : 0;
  for (int i = 0; i < 3; ++i) to[i] = to_snorm8(from[i] * factor);
  to[3] = with_sign ? static_cast<std::int8_t>(from[3] < 0 ? -127 : 127) : std::int8_t{0};
}

/// Calls `write(value, place)` for each vertex of one attribute.
template <class Value, class Write>
void each_value(const std::vector<Value>& values, std::size_t components, std::byte* to, std::uint32_t stride,
                Write write) {
  for (std::size_t i = 0, n = values.size() / components; i < n; ++i)
    write(&values[i * components], to + i * stride);
}

/// The formats, the offsets and the stride of a vertex.
void lay_out(const source_primitive& from, bool quantize, made_submesh& into) {
  const auto add = [&](bool there, mesh_semantic semantic, mesh_format plain, mesh_format small) {
    if (!there) return;
    const auto format = quantize ? small : plain;
    into.attributes.push_back({semantic, format, into.stride});
    into.stride += mesh_format_bytes(format);
  };
  using enum mesh_format;
  std::uint16_t joint_most = 0;
  for (const auto joint : from.joints) joint_most = std::max(joint_most, joint);
  add(true, mesh_semantic::position, f32x3, unorm16x4);
  add(!from.normals.empty(), mesh_semantic::normal, f32x3, snorm8x4);
  add(!from.tangents.empty(), mesh_semantic::tangent, f32x4, snorm8x4);
  add(!from.uvs[0].empty(), mesh_semantic::uv0, f32x2, unorm16x2);
  add(!from.uvs[1].empty(), mesh_semantic::uv1, f32x2, unorm16x2);
  add(!from.colours.empty(), mesh_semantic::colour, f32x4, unorm8x4);
  add(!from.joints.empty(), mesh_semantic::joints, uint16x4, joint_most < 256 ? uint8x4 : uint16x4);
  add(!from.weights.empty() && !from.joints.empty(), mesh_semantic::weights, f32x4, unorm8x4);
}

template <std::size_t Count>
void copy_floats(const std::vector<float>& values, std::byte* to, std::uint32_t stride) {
  each_value(values, Count, to, stride,
             [](const float* from, std::byte* place) { std::memcpy(place, from, Count * sizeof(float)); });
}

void write_joints(const std::vector<std::uint16_t>& joints, mesh_format format, std::byte* to,
                  std::uint32_t stride) {
  each_value(joints, 4, to, stride, [format](const std::uint16_t* from, std::byte* place) {
    if (format == mesh_format::uint16x4) return void(std::memcpy(place, from, 8));
    for (int i = 0; i < 4; ++i) place[i] = static_cast<std::byte>(from[i]);
  });
}

void write_plain(const source_primitive& from, const vertex_attribute& one, std::byte* to,
                 std::uint32_t stride) {
  switch (one.semantic) {
    case mesh_semantic::position:
      return copy_floats<3>(from.positions, to, stride);
    case mesh_semantic::normal:
      return copy_floats<3>(from.normals, to, stride);
    case mesh_semantic::tangent:
      return copy_floats<4>(from.tangents, to, stride);
    case mesh_semantic::uv0:
    case mesh_semantic::uv1:
      return copy_floats<2>(from.uvs[one.semantic == mesh_semantic::uv1], to, stride);
    case mesh_semantic::colour:
      return copy_floats<4>(from.colours, to, stride);
    case mesh_semantic::joints:
      return write_joints(from.joints, one.format, to, stride);
    case mesh_semantic::weights:
      return copy_floats<4>(from.weights, to, stride);
  }
}

void write_small(const source_primitive& from, const vertex_attribute& one, const quantisation& grid,
                 std::byte* to, std::uint32_t stride) {
  const auto bytes = [](std::byte* place) { return reinterpret_cast<std::int8_t*>(place); };
  switch (one.semantic) {
    case mesh_semantic::position: {
      const float factors[3]{inverse(grid.position_scale[0]), inverse(grid.position_scale[1]),
                             inverse(grid.position_scale[2])};
      return each_value(from.positions, 3, to, stride, [&](const float* value, std::byte* place) {
        std::uint16_t stored[4]{};
        for (int k = 0; k < 3; ++k) stored[k] = to_unorm16(value[k], grid.position_offset[k], factors[k]);
        std::memcpy(place, stored, sizeof stored);
      });
    }
    case mesh_semantic::normal:
      return each_value(from.normals, 3, to, stride, [&](const float* value, std::byte* place) {
        encode_unit(value, false, bytes(place));
      });
    case mesh_semantic::tangent:
      return each_value(from.tangents, 4, to, stride, [&](const float* value, std::byte* place) {
        encode_unit(value, true, bytes(place));
      });
    case mesh_semantic::uv0:
    case mesh_semantic::uv1: {
      const std::size_t set = one.semantic == mesh_semantic::uv1;
      const auto& offset = grid.uv_offset[set];
      const float factors[2]{inverse(grid.uv_scale[set][0]), inverse(grid.uv_scale[set][1])};
      return each_value(from.uvs[set], 2, to, stride, [&](const float* value, std::byte* place) {
        const std::uint16_t stored[2]{to_unorm16(value[0], offset[0], factors[0]),
                                      to_unorm16(value[1], offset[1], factors[1])};
        std::memcpy(place, stored, sizeof stored);
      });
    }
    case mesh_semantic::colour:
      return each_value(from.colours, 4, to, stride, [](const float* value, std::byte* place) {
        for (int k = 0; k < 4; ++k) place[k] = static_cast<std::byte>(to_unorm8(value[k]));
      });
    case mesh_semantic::joints:
      return write_joints(from.joints, one.format, to, stride);
    case mesh_semantic::weights:
      return each_value(from.weights, 4, to, stride, [](const float* value, std::byte* place) {
        encode_weights(value, reinterpret_cast<std::uint8_t*>(place));
      });
  }
}

}  // namespace

result<quantisation> position_grid(const source_mesh& mesh, bool quantize) {
  value_range<3> range;
  for (const auto& primitive : mesh.primitives) range.take(primitive.positions);
  quantisation out;
  if (mesh.primitives.empty()) return out;
  GRAPHITE_CHECK(range.check("positions"));
  for (std::size_t k = 0; quantize && k < 3; ++k) {
    out.position_offset[k] = range.least[k];
    out.position_scale[k] = range.most[k] - range.least[k];
  }
  return out;
}

result<byte_vector> encode_vertices(const source_primitive& from, bool quantize, made_submesh& into) {
  for (std::size_t set = 0; set < 2; ++set) {
    if (from.uvs[set].empty()) continue;
    value_range<2> range;
    range.take(from.uvs[set]);
    GRAPHITE_CHECK(range.check("texture coordinates"));
    for (std::size_t k = 0; quantize && k < 2; ++k) {
      into.grid.uv_offset[set][k] = range.least[k];
      into.grid.uv_scale[set][k] = range.most[k] - range.least[k];
    }
  }
  lay_out(from, quantize, into);
  byte_vector out(std::size_t{from.vertex_count} * into.stride);
  for (const auto& one : into.attributes) {
    auto* to = out.data() + one.offset;
    if (quantize) {
      write_small(from, one, into.grid, to, into.stride);
    } else {
      write_plain(from, one, to, into.stride);
    }
  }
  return out;
}

std::vector<float> decoded_positions(const byte_vector& vertices, std::uint32_t count,
                                     const made_submesh& layout, bool quantize) {
  std::vector<float> out(std::size_t{count} * 3);
  for (std::size_t i = 0; i < count; ++i) {
    const auto* from = vertices.data() + i * layout.stride;
    if (!quantize) {
      std::memcpy(&out[i * 3], from, 12);
      continue;
    }
    std::uint16_t stored[4];
    std::memcpy(stored, from, sizeof stored);
    for (std::size_t k = 0; k < 3; ++k)
      out[i * 3 + k] = layout.grid.position_offset[k] +
                       layout.grid.position_scale[k] * (static_cast<float>(stored[k]) / 65535.0f);
  }
  return out;
}

}  // namespace graphite
