#pragma once

#include <optional>
#include <vector>

#include "transforms/built_in.hpp"
#include "transforms/mesh_gltf_json.hpp"
#include "transforms/mesh_scene.hpp"

namespace graphite {

/// A text of a URI with its %XX as bytes; malformed ones stay.
std::string percent_decoded_uri(std::string_view uri);

/// Bytes of a `data:…;base64,…` URI. Errors: corrupt.
result<byte_vector> decode_data_uri(std::string_view uri);

/// Some of an accessor's values, all of them in it.
struct value_range {
  std::uint64_t first = 0, count = 0;
};

/// The buffers, views and accessors of a glTF document. Read once by read(), which checks each view and
/// accessor by itself; the bytes are looked at when values are asked for. One thread.
class gltf_data {
 public:
  gltf_data(const logical_path& path, transform_files& files, decode_budget& budget)
      : path_(path), files_(files), budget_(budget) {}

  /// Reads the lists of the document; `glb_chunk` is the buffer without a URI. Errors: as read_gltf.
  result<void> read(const gltf_value& document, std::optional<byte_span> glb_chunk);

  std::size_t accessors() const { return accessors_.size(); }
  std::uint64_t count(std::uint32_t accessor) const { return accessors_[accessor].count; }
  std::uint32_t components(std::uint32_t accessor) const { return accessors_[accessor].components; }

  value_range all_of(std::uint32_t accessor) const { return {0, count(accessor)}; }

  /// Values as numbers, those of integers divided by their greatest where the accessor says so.
  /// Errors: corrupt (out of the buffer, not finite, other than `components` values each), too_large.
  result<std::vector<float>> floats(std::uint32_t accessor, std::uint32_t components,
                                    const value_range& wanted);
  /// Those of an accessor of unsigned integers below `limit`.
  result<std::vector<std::uint32_t>> wholes(std::uint32_t accessor, std::uint32_t components,
                                            std::uint64_t limit, const value_range& wanted);

 private:
  struct buffer {
    std::string uri;
    std::uint64_t bytes_stated = 0;
    bool loaded = false;
    byte_span bytes;
    byte_vector own;
  };
  struct view {
    std::uint32_t buffer = 0;
    std::uint64_t offset = 0, bytes = 0, stride = 0;
  };
  struct sparse_part {
    std::uint64_t count = 0;
    std::uint32_t index_view = mesh_none, value_view = mesh_none;
    std::uint64_t index_offset = 0, value_offset = 0;
    std::uint32_t index_type = 0;
  };
  struct accessor {
    std::uint32_t view = mesh_none;
    std::uint64_t offset = 0, count = 0;
    std::uint32_t type = 0, components = 0;
    bool normalized = false;
    sparse_part sparse;
  };
  /// Values in a buffer.
  struct values {
    const std::byte* data = nullptr;
    std::uint64_t stride = 0;
  };

  result<void> read_buffer(const gltf_value& from);
  result<void> read_view(const gltf_value& from);
  result<void> read_accessor(const gltf_value& from);
  result<void> read_sparse(const gltf_value& from, accessor& into);
  result<byte_span> buffer_bytes(std::uint32_t number);
  /// Checks that `count` values of `bytes` each lie in the view.
  result<values> values_of(std::uint32_t view, std::uint64_t offset, std::uint64_t count, std::uint64_t bytes,
                           const std::string& what);
  template <class Number>
  result<std::vector<Number>> read_range(std::uint32_t number, std::uint32_t components,
                                         const value_range& wanted);

  const logical_path& path_;
  transform_files& files_;
  decode_budget& budget_;
  std::optional<byte_span> glb_chunk_;
  std::vector<buffer> buffers_;
  std::vector<view> views_;
  std::vector<accessor> accessors_;
};

}  // namespace graphite
