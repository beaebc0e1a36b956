#include "transforms/mesh_write.hpp"

#include <cstring>
#include <map>

namespace graphite {

namespace {

void pad(byte_vector& bytes) {
  bytes.resize((bytes.size() + mesh_alignment - 1) / mesh_alignment * mesh_alignment);
}

template <class Record>
byte_vector records_bytes(const std::vector<Record>& records) {
  byte_vector out(records.size() * sizeof(Record));
  if (!records.empty()) std::memcpy(out.data(), records.data(), out.size());
  return out;
}

class mesh_file_writer {
 public:
  mesh_file_writer(const source_scene& scene, const std::vector<made_submesh>& submeshes)
      : scene_(scene), submeshes_(submeshes) {}

  result<std::vector<byte_vector>> write() {
    for (const auto& one : submeshes_) level_count_ = std::max(level_count_, one.levels.size());
    add_geometry();
    add_submeshes();
    add_scene();
    add_materials();
    if (names_.size() > mesh_none) return fail(errc::too_large, "over 4 GiB of names");
    std::vector<byte_vector> parts{tables()};
    for (auto level = level_count_; level-- > 0;) parts.push_back(std::move(geometry_[level]));
    return parts;
  }

 private:
  mesh_name name(const std::string& text) {
    const auto [found, fresh] = name_places_.try_emplace(
        text, mesh_name{static_cast<std::uint32_t>(names_.size()), static_cast<std::uint32_t>(text.size())});
    if (fresh) names_ += text;
    return found->second;
  }

  /// The geometry that a level of a submesh draws.
  static std::size_t drawn_at(const made_submesh& one, std::size_t level) {
    return std::min(level, one.levels.size() - 1);
  }

  /// A submesh's coarsest geometry goes into the coarsest level of the file, for all levels draw it that have
  /// no finer one; each other into its own level. Places are in the level until tables() knows where it
  /// begins.
  void add_geometry() {
    geometry_.resize(level_count_);
    vertex_places_.resize(submeshes_.size());
    index_places_.resize(submeshes_.size());
    for (std::size_t s = 0; s < submeshes_.size(); ++s) {
      const auto& levels = submeshes_[s].levels;
      for (std::size_t g = 0; g < levels.size(); ++g) {
        auto& to = geometry_[level_of(levels.size(), g)];
        vertex_places_[s].push_back(to.size());
        to.insert(to.end(), levels[g].vertices.begin(), levels[g].vertices.end());
        pad(to);
        index_places_[s].push_back(to.size());
        add_indices(levels[g], to);
        pad(to);
      }
    }
  }

  std::size_t level_of(std::size_t geometries, std::size_t number) const {
    return number + 1 == geometries ? level_count_ - 1 : number;
  }

  static std::uint32_t index_bytes(const made_geometry& of) { return of.vertex_count <= 65'535 ? 2 : 4; }

  static void add_indices(const made_geometry& from, byte_vector& to) {
    const auto at = to.size();
    to.resize(at + from.indices.size() * index_bytes(from));
    if (index_bytes(from) == 4) {
      std::memcpy(&to[at], from.indices.data(), from.indices.size() * 4);
      return;
    }
    for (std::size_t i = 0; i < from.indices.size(); ++i) {
      const auto index = static_cast<std::uint16_t>(from.indices[i]);
      std::memcpy(&to[at + i * 2], &index, 2);
    }
  }

  void add_submeshes() {
    std::size_t at = 0;
    for (std::uint32_t mesh = 0; mesh < scene_.meshes.size(); ++mesh) {
      const auto first = at;
      while (at < submeshes_.size() && submeshes_[at].mesh == mesh) ++at;
      meshes_.push_back({static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(at - first),
                         name(scene_.meshes[mesh].name)});
    }
    GRAPHITE_INVARIANT(at == submeshes_.size());
    levels_.resize(level_count_);
    for (std::uint32_t s = 0; s < submeshes_.size(); ++s) {
      const auto& from = submeshes_[s];
      mesh_submesh_record record{};
      record.mesh = from.mesh;
      record.material = from.material;
      record.first_draw = static_cast<std::uint32_t>(draws_.size());
      record.draws = static_cast<std::uint32_t>(level_count_);
      record.bounds = from.bounds;
      std::memcpy(record.position_offset, from.grid.position_offset, sizeof record.position_offset);
      std::memcpy(record.position_scale, from.grid.position_scale, sizeof record.position_scale);
      std::memcpy(record.uv_offset, from.grid.uv_offset, sizeof record.uv_offset);
      std::memcpy(record.uv_scale, from.grid.uv_scale, sizeof record.uv_scale);
      submesh_records_.push_back(record);
      add_draws(s, from);
    }
  }

  void add_draws(std::uint32_t submesh, const made_submesh& from) {
    for (std::uint32_t level = 0; level < level_count_; ++level) {
      const auto g = drawn_at(from, level);
      const auto& drawn = from.levels[g];
      mesh_draw_record record{};
      record.index_offset = index_places_[submesh][g];
      record.index_count = static_cast<std::uint32_t>(drawn.indices.size());
      record.index_bytes = index_bytes(drawn);
      record.vertex_count = drawn.vertex_count;
      record.first_attribute = static_cast<std::uint32_t>(attributes_.size());
      record.attributes = static_cast<std::uint32_t>(from.attributes.size());
      record.submesh = submesh;
      record.level = level;
      record.error = drawn.error;
      draws_.push_back(record);
      draw_parts_.push_back(level_of(from.levels.size(), g));
      for (const auto& one : from.attributes)
        attributes_.push_back(
            {one.semantic, one.format, from.stride, vertex_places_[submesh][g] + one.offset});
      levels_[level].triangles += drawn.indices.size() / 3;
      levels_[level].error = std::max(levels_[level].error, drawn.error);
    }
  }

  void add_scene() {
    for (const auto& from : scene_.nodes) {
      mesh_node_record record{from.parent, from.mesh, from.skin, 0, name(from.name), {}};
      std::copy(from.transform.begin(), from.transform.end(), record.transform);
      nodes_.push_back(record);
    }
    for (const auto& from : scene_.skins) {
      skins_.push_back({static_cast<std::uint32_t>(joints_.size()),
                        static_cast<std::uint32_t>(from.joints.size()), name(from.name)});
      for (const auto& joint : from.joints) {
        mesh_joint_record record{joint.node, {}, {}};
        std::copy(joint.inverse_bind.begin(), joint.inverse_bind.end(), record.inverse_bind);
        joints_.push_back(record);
      }
    }
  }

  void add_materials() {
    for (const auto& from : scene_.materials) {
      mesh_material_record record{};
      record.name = name(from.name);
      std::copy(from.base_colour.begin(), from.base_colour.end(), record.base_colour);
      std::copy(from.emissive.begin(), from.emissive.end(), record.emissive);
      record.metallic = from.metallic;
      record.roughness = from.roughness;
      record.alpha_cutoff = from.alpha_cutoff;
      record.alpha = from.alpha;
      record.flags = from.flags;
      record.first_texture = static_cast<std::uint32_t>(textures_.size());
      record.textures = static_cast<std::uint32_t>(from.textures.size());
      materials_.push_back(record);
      for (const auto& one : from.textures) textures_.push_back({one.use, one.uv, name(one.path)});
    }
  }

  mesh_bounds whole_bounds() const {
    if (submeshes_.empty()) return {};
    std::vector<float> corners;
    for (const auto& one : submeshes_)
      for (int corner = 0; corner < 8; ++corner)
        for (int k = 0; k < 3; ++k)
          corners.push_back((corner >> k & 1) != 0 ? one.bounds.most[k] : one.bounds.least[k]);
    return bounds_of(corners);
  }

  template <class Record>
  void add_section(std::vector<mesh_section_entry>& entries, std::uint64_t& at,
                   const std::vector<Record>& records) {
    entries.push_back(
        {static_cast<std::uint32_t>(entries.size() + 1), sizeof(Record), at, records.size(), 0});
    at = (at + records.size() * sizeof(Record) + mesh_alignment - 1) / mesh_alignment * mesh_alignment;
  }

  /// Part 0; places in levels become places in the file.
  byte_vector tables() {
    const std::vector<char> names(names_.begin(), names_.end());
    std::vector<mesh_section_entry> entries;
    std::uint64_t at =
        (sizeof(mesh_header) + mesh_sections * sizeof(mesh_section_entry) + mesh_alignment - 1) /
        mesh_alignment * mesh_alignment;
    const auto each_section = [&](auto use) {
      use(levels_), use(meshes_), use(submesh_records_), use(draws_), use(attributes_), use(nodes_);
      use(skins_), use(joints_), use(materials_), use(textures_), use(names);
    };
    each_section([&](const auto& records) { add_section(entries, at, records); });
    for (auto level = level_count_; level-- > 0; at += geometry_[level].size()) {
      levels_[level].offset = at;
      levels_[level].bytes = geometry_[level].size();
    }
    for (std::size_t i = 0; i < draws_.size(); ++i) {
      const auto begin = levels_[draw_parts_[i]].offset;
      draws_[i].index_offset += begin;
      for (std::uint32_t k = 0; k < draws_[i].attributes; ++k)
        attributes_[draws_[i].first_attribute + k].offset += begin;
    }
    const mesh_header header{
        mesh_magic,    mesh_version, 0, at, mesh_sections, static_cast<std::uint32_t>(level_count_),
        whole_bounds()};
    byte_vector out(sizeof header);
    std::memcpy(out.data(), &header, sizeof header);
    const auto append = [&out](const auto& records) {
      const auto bytes = records_bytes(records);
      out.insert(out.end(), bytes.begin(), bytes.end());
      pad(out);
    };
    append(entries);
    each_section(append);
    return out;
  }

  const source_scene& scene_;
  const std::vector<made_submesh>& submeshes_;
  std::size_t level_count_ = 0;
  std::vector<byte_vector> geometry_;                                     ///< by level, the finest first
  std::vector<std::vector<std::uint64_t>> vertex_places_, index_places_;  ///< by submesh and geometry
  std::vector<std::size_t> draw_parts_;  ///< the level that a draw's bytes are in
  std::vector<mesh_level_record> levels_;
  std::vector<mesh_mesh_record> meshes_;
  std::vector<mesh_submesh_record> submesh_records_;
  std::vector<mesh_draw_record> draws_;
  std::vector<mesh_attribute_record> attributes_;
  std::vector<mesh_node_record> nodes_;
  std::vector<mesh_skin_record> skins_;
  std::vector<mesh_joint_record> joints_;
  std::vector<mesh_material_record> materials_;
  std::vector<mesh_texture_record> textures_;
  std::string names_;
  std::map<std::string, mesh_name> name_places_;
};

}  // namespace

result<std::vector<byte_vector>> write_mesh_file(const source_scene& scene,
                                                 const std::vector<made_submesh>& submeshes) {
  return mesh_file_writer(scene, submeshes).write();
}

}  // namespace graphite
