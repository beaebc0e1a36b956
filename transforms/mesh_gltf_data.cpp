#include "transforms/mesh_gltf_data.hpp"

#include <cstring>

namespace graphite {

namespace {

constexpr std::uint64_t buffer_bytes_max = std::uint64_t{1} << 40;  // of a number in the document
constexpr std::uint64_t buffers_max = 65'536, accessors_max = 1u << 20;

std::uint32_t component_bytes(std::uint32_t type) {
  switch (type) {
    case 5120:
    case 5121:
      return 1;
    case 5122:
    case 5123:
      return 2;
    case 5125:
    case 5126:
      return 4;
    default:
      return 0;
  }
}

std::uint32_t components_of(std::string_view type) {
  if (type == "SCALAR") return 1;
  if (type == "VEC2") return 2;
  if (type == "VEC3") return 3;
  if (type == "VEC4" || type == "MAT2") return 4;
  if (type == "MAT3") return 9;
  return type == "MAT4" ? 16 : 0;
}

template <class From, class Number>
void convert(const std::byte* from, Number* to, std::uint32_t components, float scale) {
  for (std::uint32_t i = 0; i < components; ++i) {
    From value;
    std::memcpy(&value, from + i * sizeof value, sizeof value);
    if constexpr (std::is_same_v<Number, float>) {
      to[i] = scale == 0 ? static_cast<float>(value) : std::max(static_cast<float>(value) / scale, -1.0f);
    } else {
      to[i] = static_cast<Number>(value);
    }
  }
}

/// Reads one value after another; the type is chosen once.
template <class Number, class Place>
void convert_all(std::uint32_t type, bool normalized, std::uint32_t components, std::uint64_t count,
                 const std::byte* from, std::uint64_t stride, Place to) {
  const auto run = [&](auto sample, float scale) {
    using From = decltype(sample);
    for (std::uint64_t i = 0; i < count; ++i)
      convert<From, Number>(from + i * stride, to(i), components, normalized ? scale : 0);
  };
  switch (type) {
    case 5120:
      return run(std::int8_t{}, 127);
    case 5121:
      return run(std::uint8_t{}, 255);
    case 5122:
      return run(std::int16_t{}, 32767);
    case 5123:
      return run(std::uint16_t{}, 65535);
    case 5125:
      return run(std::uint32_t{}, 4294967295.0f);
    default:
      return run(float{}, 0);
  }
}

std::string accessor_name(std::uint32_t number) { return "accessor " + std::to_string(number); }

}  // namespace

result<void> gltf_data::read(const gltf_value& document, std::optional<byte_span> glb_chunk) {
  glb_chunk_ = glb_chunk;
  const auto each = [&](const char* key, const char* one, std::uint64_t most, auto read_one) -> result<void> {
    if (!document.has(key)) return {};
    GRAPHITE_TRY(const auto list, document.list(key));
    std::uint64_t number = 0;
    for (const auto element : list) {
      const gltf_value from{element, std::string(one) + " " + std::to_string(number)};
      if (number++ == most)
        return fail(errc::too_large, std::string("over ") + std::to_string(most) + " " + key);
      GRAPHITE_CHECK((this->*read_one)(from));
    }
    return {};
  };
  GRAPHITE_CHECK(each("buffers", "buffer", buffers_max, &gltf_data::read_buffer));
  GRAPHITE_CHECK(each("bufferViews", "buffer view", accessors_max, &gltf_data::read_view));
  return each("accessors", "accessor", accessors_max, &gltf_data::read_accessor);
}

result<void> gltf_data::read_buffer(const gltf_value& from) {
  buffer out;
  out.uri = from.text("uri");
  GRAPHITE_TRY(out.bytes_stated, from.whole("byteLength", 0, buffer_bytes_max));
  if (out.bytes_stated == 0) return from.bad("has no byteLength");
  buffers_.push_back(std::move(out));
  return {};
}

result<void> gltf_data::read_view(const gltf_value& from) {
  view out;
  GRAPHITE_TRY(out.buffer, from.index("buffer", buffers_.size()));
  if (out.buffer == mesh_none) return from.bad("has no buffer");
  GRAPHITE_TRY(out.offset, from.whole("byteOffset", 0, buffer_bytes_max));
  GRAPHITE_TRY(out.bytes, from.whole("byteLength", 0, buffer_bytes_max));
  GRAPHITE_TRY(out.stride, from.whole("byteStride", 0, 252));
  if (out.offset + out.bytes > buffers_[out.buffer].bytes_stated)
    return from.bad("reaches beyond buffer " + std::to_string(out.buffer));
  views_.push_back(out);
  return {};
}

result<void> gltf_data::read_accessor(const gltf_value& from) {
  accessor out;
  GRAPHITE_TRY(out.view, from.index("bufferView", views_.size()));
  GRAPHITE_TRY(out.offset, from.whole("byteOffset", 0, buffer_bytes_max));
  GRAPHITE_TRY(out.count, from.whole("count", 0, std::uint64_t{1} << 32));
  GRAPHITE_TRY(const auto type, from.whole("componentType", 0, 65'535));
  out.type = static_cast<std::uint32_t>(type);
  if (component_bytes(out.type) == 0) return from.bad("has no component type of glTF");
  out.components = components_of(from.text("type"));
  if (out.components == 0) return from.bad("has no type of glTF");
  if (out.count == 0) return from.bad("has no values");
  out.normalized = from.flag("normalized") && out.type != 5126;
  if (from.has("sparse")) GRAPHITE_CHECK(read_sparse(from, out));
  accessors_.push_back(out);
  return {};
}

result<void> gltf_data::read_sparse(const gltf_value& from, accessor& into) {
  auto& out = into.sparse;
  GRAPHITE_TRY(const auto sparse, from.object("sparse"));
  GRAPHITE_TRY(out.count, sparse.whole("count", 0, into.count));
  GRAPHITE_TRY(const auto indices, sparse.object("indices"));
  GRAPHITE_TRY(const auto replaced, sparse.object("values"));
  GRAPHITE_TRY(out.index_view, indices.index("bufferView", views_.size()));
  GRAPHITE_TRY(out.value_view, replaced.index("bufferView", views_.size()));
  GRAPHITE_TRY(out.index_offset, indices.whole("byteOffset", 0, buffer_bytes_max));
  GRAPHITE_TRY(out.value_offset, replaced.whole("byteOffset", 0, buffer_bytes_max));
  GRAPHITE_TRY(const auto type, indices.whole("componentType", 0, 65'535));
  out.index_type = static_cast<std::uint32_t>(type);
  if (type != 5121 && type != 5123 && type != 5125) return sparse.bad("indices of no unsigned type");
  if (out.count == 0 || out.index_view == mesh_none || out.value_view == mesh_none)
    return sparse.bad("is not whole");
  return {};
}

result<byte_span> gltf_data::buffer_bytes(std::uint32_t number) {
  auto& from = buffers_[number];
  if (from.loaded) return from.bytes;
  const auto what = "buffer " + std::to_string(number);
  if (from.uri.empty()) {
    if (!glb_chunk_ || number != 0) return fail(errc::corrupt, what + " has no uri");
    from.bytes = *glb_chunk_;
  } else if (from.uri.starts_with("data:")) {
    GRAPHITE_CHECK(budget_.take(from.uri.size(), what));
    auto decoded = decode_data_uri(from.uri);
    if (!decoded) return fail(errc::corrupt, what + ": " + decoded.error().context);
    from.own = *std::move(decoded);
    from.bytes = from.own;
  } else {
    if (from.uri.find("://") != std::string::npos)
      return fail(errc::unsupported, what + ": an address; only files of the project are read");
    const auto meant = path_.resolve(percent_decoded_uri(from.uri));
    if (!meant) return fail(meant.error().code, what + ": " + meant.error().context);
    auto read = files_.read(*meant);
    if (!read && read.error().context.starts_with(meant->str()))
      return fail(read.error().code, what + ": " + read.error().context);
    if (!read) return fail(read.error().code, what + ": " + meant->str() + ": " + read.error().context);
    from.bytes = *read;
  }
  if (from.bytes.size() < from.bytes_stated)
    return fail(errc::corrupt, what + " has " + std::to_string(from.bytes.size()) + " bytes of the " +
                                   std::to_string(from.bytes_stated) + " it should");
  from.loaded = true;
  return from.bytes;
}

result<gltf_data::values> gltf_data::values_of(std::uint32_t view_number, std::uint64_t offset,
                                               std::uint64_t count, std::uint64_t bytes,
                                               const std::string& what) {
  const auto& in = views_[view_number];
  const auto stride = in.stride == 0 ? bytes : in.stride;
  if (stride < bytes) return fail(errc::corrupt, what + ": values of more bytes than the view's stride");
  // No number here is over 2^40, the stride not over 252 and the count not over 2^32: nothing wraps.
  if (offset + (count - 1) * stride + bytes > in.bytes)
    return fail(errc::corrupt, what + " reaches beyond buffer view " + std::to_string(view_number));
  GRAPHITE_TRY(const auto buffer, buffer_bytes(in.buffer));
  return values{buffer.data() + in.offset + offset, stride};
}

template <class Number>
result<std::vector<Number>> gltf_data::read_range(std::uint32_t number, std::uint32_t components,
                                                  const value_range& wanted) {
  const auto& from = accessors_[number];
  const auto what = accessor_name(number);
  if (from.components != components)
    return fail(errc::corrupt, what + " has " + std::to_string(from.components) + " components of " +
                                   std::to_string(components));
  const auto bytes = std::uint64_t{component_bytes(from.type)} * components;
  values all;
  if (from.view != mesh_none) {
    GRAPHITE_TRY(all, values_of(from.view, from.offset, from.count, bytes, what));
  }
  GRAPHITE_INVARIANT(wanted.first + wanted.count <= from.count);
  if (wanted.count > mesh_indices_max) return fail(errc::too_large, what + " has too many values");
  GRAPHITE_CHECK(budget_.take(wanted.count * components * sizeof(Number), what));
  std::vector<Number> out(wanted.count * components);
  const auto place = [&](std::uint64_t i) { return &out[i * components]; };
  if (all.data != nullptr)
    convert_all<Number>(from.type, from.normalized, components, wanted.count,
                        all.data + wanted.first * all.stride, all.stride, place);
  const auto& sparse = from.sparse;
  if (sparse.count == 0) return out;
  const auto index_bytes = component_bytes(sparse.index_type);
  GRAPHITE_TRY(const auto indices, values_of(sparse.index_view, sparse.index_offset, sparse.count,
                                             index_bytes, what + ": sparse indices"));
  GRAPHITE_TRY(const auto replaced, values_of(sparse.value_view, sparse.value_offset, sparse.count, bytes,
                                              what + ": sparse values"));
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i < sparse.count; ++i) {
    std::uint32_t at = 0;
    std::memcpy(&at, indices.data + i * indices.stride, index_bytes);
    if (at >= from.count || (i > 0 && at <= last))
      return fail(errc::corrupt, what + ": sparse index " + std::to_string(i) + " is out of order or range");
    last = at;
    if (at < wanted.first || at - wanted.first >= wanted.count) continue;
    convert_all<Number>(from.type, from.normalized, components, 1, replaced.data + i * replaced.stride, 0,
                        [&](std::uint64_t) { return place(at - wanted.first); });
  }
  return out;
}

result<std::vector<float>> gltf_data::floats(std::uint32_t number, std::uint32_t components,
                                             const value_range& wanted) {
  GRAPHITE_TRY(auto out, read_range<float>(number, components, wanted));
  for (std::size_t i = 0; i < out.size(); ++i)
    if (!std::isfinite(out[i]))
      return fail(errc::corrupt, accessor_name(number) + ": value " +
                                     std::to_string(wanted.first + i / components) + " is not finite");
  return out;
}

result<std::vector<std::uint32_t>> gltf_data::wholes(std::uint32_t number, std::uint32_t components,
                                                     std::uint64_t limit, const value_range& wanted) {
  const auto type = accessors_[number].type;
  if (type != 5121 && type != 5123 && type != 5125)
    return fail(errc::corrupt, accessor_name(number) + " has no unsigned integers");
  GRAPHITE_TRY(auto out, read_range<std::uint32_t>(number, components, wanted));
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i] >= limit)
      return fail(errc::corrupt, accessor_name(number) + ": value " +
                                     std::to_string(wanted.first + i / components) + " is " +
                                     std::to_string(out[i]) + ", not below " + std::to_string(limit));
  return out;
}

}  // namespace graphite
