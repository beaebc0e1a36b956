#include "transforms/mesh_file.hpp"

#include <cmath>
#include <cstring>

#include "core/logical_path.hpp"

namespace graphite {

namespace {

constexpr std::uint64_t rounded(std::uint64_t bytes) {
  return (bytes + mesh_alignment - 1) / mesh_alignment * mesh_alignment;
}

tl::unexpected<error> broken(std::string what) { return fail(errc::corrupt, std::move(what)); }

bool all_finite(const float* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (!std::isfinite(values[i])) return false;
  return true;
}

bool sound(const mesh_bounds& bounds) {
  if (!all_finite(bounds.least, 10) || bounds.radius < 0) return false;
  for (int k = 0; k < 3; ++k)
    if (bounds.least[k] > bounds.most[k]) return false;
  return true;
}

/// Whether `[first, first + count)` lies below `limit`.
bool in_range(std::uint64_t first, std::uint64_t count, std::uint64_t limit) {
  return first <= limit && count <= limit - first;
}

bool format_fits(mesh_semantic semantic, mesh_format format) {
  using enum mesh_format;
  switch (semantic) {
    case mesh_semantic::position:
      return format == f32x3 || format == unorm16x4;
    case mesh_semantic::normal:
      return format == f32x3 || format == snorm8x4;
    case mesh_semantic::tangent:
      return format == f32x4 || format == snorm8x4;
    case mesh_semantic::uv0:
    case mesh_semantic::uv1:
      return format == f32x2 || format == unorm16x2;
    case mesh_semantic::colour:
    case mesh_semantic::weights:
      return format == f32x4 || format == unorm8x4;
    case mesh_semantic::joints:
      return format == uint8x4 || format == uint16x4;
  }
  return false;
}

class mesh_file_check {
 public:
  explicit mesh_file_check(byte_span bytes) { file_.bytes = bytes; }

  result<mesh_file> run() {
    GRAPHITE_CHECK(header());
    GRAPHITE_CHECK(sections());
    GRAPHITE_CHECK(levels());
    GRAPHITE_CHECK(meshes());
    for (const auto& draw : file_.draws) GRAPHITE_CHECK(draw_record(draw));
    GRAPHITE_CHECK(scene());
    GRAPHITE_CHECK(materials());
    return file_;
  }

 private:
  result<void> header() {
    const auto bytes = file_.bytes;
    GRAPHITE_INVARIANT(reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 == 0);
    if (bytes.size() < sizeof(mesh_header)) return broken("shorter than its header");
    file_.header = reinterpret_cast<const mesh_header*>(bytes.data());
    const auto& h = *file_.header;
    if (h.magic != mesh_magic) return broken("no mesh file");
    if (h.version > mesh_version) return fail(errc::newer_version, "of a newer version");
    if (h.version != mesh_version || h.zero != 0 || h.sections != mesh_sections) return broken("header");
    if (h.file_bytes != bytes.size()) return broken("of another size than its header says");
    if (h.levels == 0 || h.levels > mesh_levels_max || !sound(h.bounds)) return broken("levels or bounds");
    return {};
  }

  template <class Record>
  result<void> section(std::span<const Record>& into) {
    const auto at = sizeof(mesh_header) + section_ * sizeof(mesh_section_entry);
    const auto& entry = *reinterpret_cast<const mesh_section_entry*>(file_.bytes.data() + at);
    const auto name = "section " + std::to_string(++section_);
    if (entry.kind != section_ || entry.record_bytes != sizeof(Record) || entry.zero != 0 ||
        entry.offset != end_)
      return broken(name);
    if (entry.count > (file_.bytes.size() - end_) / sizeof(Record)) return broken(name + " is cut off");
    into = {reinterpret_cast<const Record*>(file_.bytes.data() + end_), entry.count};
    return padding(end_ + entry.count * sizeof(Record), name);
  }

  /// What follows `from` up to the alignment is zero; end_ goes there.
  result<void> padding(std::uint64_t from, const std::string& name) {
    end_ = rounded(from);
    if (end_ > file_.bytes.size()) return broken(name + " is cut off");
    for (auto at = from; at < end_; ++at)
      if (file_.bytes[at] != std::byte{0}) return broken(name + ": what follows it is not zero");
    return {};
  }

  result<void> sections() {
    constexpr auto table = sizeof(mesh_header) + mesh_sections * sizeof(mesh_section_entry);
    if (file_.bytes.size() < rounded(table)) return broken("section table is cut off");
    GRAPHITE_CHECK(padding(table, "section table"));
    GRAPHITE_CHECK(section(file_.levels));
    GRAPHITE_CHECK(section(file_.meshes));
    GRAPHITE_CHECK(section(file_.submeshes));
    GRAPHITE_CHECK(section(file_.draws));
    GRAPHITE_CHECK(section(file_.attributes));
    GRAPHITE_CHECK(section(file_.nodes));
    GRAPHITE_CHECK(section(file_.skins));
    GRAPHITE_CHECK(section(file_.joints));
    GRAPHITE_CHECK(section(file_.materials));
    GRAPHITE_CHECK(section(file_.textures));
    return section(file_.names);
  }

  result<void> levels() {
    if (file_.levels.size() != file_.header->levels) return broken("number of levels");
    for (auto level = file_.levels.size(); level-- > 0;) {
      const auto& one = file_.levels[level];
      if (one.offset != end_ || one.bytes % mesh_alignment != 0 || one.bytes > file_.bytes.size() - end_ ||
          one.zero != 0 || !std::isfinite(one.error) || one.error < 0)
        return broken("level " + std::to_string(level));
      end_ += one.bytes;
    }
    return end_ == file_.bytes.size() ? result<void>() : broken("bytes behind the last level");
  }

  result<void> meshes() {
    std::uint64_t submesh = 0;
    for (const auto& one : file_.meshes) {
      if (one.first_submesh != submesh || !in_range(submesh, one.submeshes, file_.submeshes.size()) ||
          !text_is_good(one.name))
        return broken("mesh table");
      const auto number = static_cast<std::uint32_t>(&one - file_.meshes.data());
      for (std::uint32_t i = 0; i < one.submeshes; ++i)
        if (file_.submeshes[submesh++].mesh != number) return broken("submesh of another mesh");
    }
    if (submesh != file_.submeshes.size()) return broken("submesh without a mesh");
    std::uint64_t draw = 0;
    for (const auto& one : file_.submeshes) {
      if (one.first_draw != draw || one.draws != file_.levels.size() ||
          !in_range(draw, one.draws, file_.draws.size()))
        return broken("draws of a submesh");
      if (one.material != mesh_none && one.material >= file_.materials.size())
        return broken("material of a submesh");
      if (!sound(one.bounds) || !all_finite(one.position_offset, 14) || one.zero[0] != 0 || one.zero[1] != 0)
        return broken("numbers of a submesh");
      draw += one.draws;
    }
    return draw == file_.draws.size() ? result<void>() : broken("draw without a submesh");
  }

  /// Whether `bytes` at `offset` lie within one level that `level` needs: its own or a coarser one.
  bool in_level(std::uint64_t offset, std::uint64_t bytes, std::uint32_t level) const {
    for (std::size_t i = level; i < file_.levels.size(); ++i) {
      const auto& one = file_.levels[i];
      if (offset >= one.offset && in_range(offset - one.offset, bytes, one.bytes)) return true;
    }
    return false;
  }

  result<void> draw_record(const mesh_draw_record& draw) {
    const auto number = static_cast<std::uint64_t>(&draw - file_.draws.data());
    const auto what = "draw " + std::to_string(number);
    const auto levels = file_.levels.size();
    if (draw.submesh != number / levels || draw.level != number % levels) return broken(what + ": its place");
    if ((draw.index_bytes != 2 && draw.index_bytes != 4) || draw.index_count % 3 != 0 ||
        draw.index_offset % draw.index_bytes != 0 || !std::isfinite(draw.error) || draw.error < 0)
      return broken(what);
    if (!in_level(draw.index_offset, std::uint64_t{draw.index_count} * draw.index_bytes, draw.level))
      return broken(what + ": indices beyond its level");
    if (draw.first_attribute != attribute_ || draw.attributes == 0 ||
        !in_range(attribute_, draw.attributes, file_.attributes.size()))
      return broken(what + ": its attributes");
    attribute_ += draw.attributes;
    if (number + 1 == file_.draws.size() && attribute_ != file_.attributes.size())
      return broken("attribute without a draw");
    auto last = mesh_semantic{};
    for (const auto& one : file_.attributes.subspan(draw.first_attribute, draw.attributes)) {
      const auto bytes = mesh_format_bytes(one.format);
      if (one.semantic <= last || !format_fits(one.semantic, one.format))
        return broken(what + ": an attribute");
      if (last == mesh_semantic{} && one.semantic != mesh_semantic::position)
        return broken(what + ": no positions");
      last = one.semantic;
      if (one.stride < bytes || one.stride > 256 || one.stride % 4 != 0 || one.offset % 4 != 0 ||
          draw.vertex_count == 0 ||
          !in_level(one.offset, std::uint64_t{draw.vertex_count - 1} * one.stride + bytes, draw.level))
        return broken(what + ": vertices beyond its level");
    }
    return indices(draw, what);
  }

  result<void> indices(const mesh_draw_record& draw, const std::string& what) const {
    // A draw that shows the same bytes as the one before has been looked at.
    if (draw.level > 0) {
      const auto& finer = *(&draw - 1);
      if (finer.index_offset == draw.index_offset && finer.index_count == draw.index_count &&
          finer.index_bytes == draw.index_bytes && finer.vertex_count == draw.vertex_count)
        return {};
    }
    std::uint32_t most = 0;
    for (std::uint32_t i = 0; i < draw.index_count; ++i) most = std::max(most, file_.index(draw, i));
    return most < draw.vertex_count ? result<void>() : broken(what + ": an index beyond its vertices");
  }

  bool text_is_good(const mesh_name& name) const {
    return in_range(name.offset, name.bytes, file_.names.size()) && is_utf8(file_.text(name));
  }

  result<void> scene() {
    for (std::size_t i = 0; i < file_.nodes.size(); ++i) {
      const auto& one = file_.nodes[i];
      if ((one.parent != mesh_none && one.parent >= i) ||
          (one.mesh != mesh_none && one.mesh >= file_.meshes.size()) ||
          (one.skin != mesh_none && one.skin >= file_.skins.size()) || one.zero != 0 ||
          !text_is_good(one.name) || !all_finite(one.transform, 16))
        return broken("node " + std::to_string(i));
    }
    std::uint64_t joint = 0;
    for (const auto& one : file_.skins) {
      if (one.first_joint != joint || !in_range(joint, one.joints, file_.joints.size()) ||
          !text_is_good(one.name))
        return broken("skin");
      joint += one.joints;
    }
    if (joint != file_.joints.size()) return broken("joint without a skin");
    for (const auto& one : file_.joints)
      if (one.node >= file_.nodes.size() || (one.zero[0] | one.zero[1] | one.zero[2]) != 0 ||
          !all_finite(one.inverse_bind, 16))
        return broken("joint");
    return {};
  }

  result<void> materials() {
    std::uint64_t texture = 0;
    for (const auto& one : file_.materials) {
      if (!text_is_good(one.name) || !all_finite(one.base_colour, 10) || one.alpha > mesh_alpha::blend ||
          one.flags > (mesh_double_sided | mesh_unlit) || one.first_texture != texture ||
          !in_range(texture, one.textures, file_.textures.size()))
        return broken("material");
      texture += one.textures;
    }
    if (texture != file_.textures.size()) return broken("texture without a material");
    for (const auto& one : file_.textures) {
      if (one.use < mesh_texture_use::base_colour || one.use > mesh_texture_use::emissive || one.uv > 255 ||
          !text_is_good(one.path) || !logical_path::parse(file_.text(one.path)))
        return broken("texture");
    }
    return {};
  }

  mesh_file file_;
  std::uint32_t section_ = 0;
  std::uint64_t end_ = 0, attribute_ = 0;
};

}  // namespace

std::uint32_t mesh_file::index(const mesh_draw_record& draw, std::uint32_t number) const {
  const auto* at = bytes.data() + draw.index_offset + std::uint64_t{number} * draw.index_bytes;
  if (draw.index_bytes == 2) {
    std::uint16_t out = 0;
    std::memcpy(&out, at, sizeof out);
    return out;
  }
  std::uint32_t out = 0;
  std::memcpy(&out, at, sizeof out);
  return out;
}

void mesh_file::position(const mesh_draw_record& draw, std::uint32_t vertex, float out[3]) const {
  const auto& from = attributes[draw.first_attribute];
  const auto& submesh = submeshes[draw.submesh];
  const auto* at = bytes.data() + from.offset + std::uint64_t{vertex} * from.stride;
  if (from.format == mesh_format::f32x3) {
    std::memcpy(out, at, 12);
    return;
  }
  std::uint16_t stored[3];
  std::memcpy(stored, at, sizeof stored);
  for (int k = 0; k < 3; ++k)
    out[k] =
        submesh.position_offset[k] + submesh.position_scale[k] * (static_cast<float>(stored[k]) / 65535.0f);
}

result<mesh_file> open_mesh_file(byte_span bytes) { return mesh_file_check(bytes).run(); }

}  // namespace graphite
