#include "transforms/mesh_obj.hpp"

#include <meshoptimizer.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <span>

#include "core/logical_path.hpp"
#include "transforms/mesh_polygon.hpp"

namespace graphite {

namespace {

/// What a corner of a face names: numbers of v, vt and vn; mesh_none: none.
struct obj_corner {
  std::uint32_t position, uv, normal;
};

/// A vertex at some position.
struct obj_vertex {
  std::uint32_t uv, normal;
  std::uint32_t older;  ///< another one at that position; mesh_none: none
};

/// Vertices at one position that are looked at for each corner, in the mean.
constexpr std::size_t chain_steps_mean_max = 16;

std::string_view obj_word(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
  std::size_t end = 0;
  while (end < rest.size() && rest[end] != ' ' && rest[end] != '\t') ++end;
  const auto word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

class obj_reader {
 public:
  obj_reader(decode_budget& budget, mesh_warnings& warnings) : budget_(budget), warnings_(warnings) {}

  result<source_scene> read(std::string_view text) {
    std::string joined;
    while (!text.empty()) {
      auto line = next_line(text);
      if (!line.empty() && line.back() == '\\') {
        joined.assign(line.substr(0, line.size() - 1));
        while (!text.empty()) {
          line = next_line(text);
          const bool more = !line.empty() && line.back() == '\\';
          joined += more ? line.substr(0, line.size() - 1) : line;
          if (!more) break;
        }
        line = joined;
      }
      GRAPHITE_CHECK(statement(line));
    }
    GRAPHITE_CHECK(finish_primitive());
    if (scene_.meshes.empty()) return fail(errc::corrupt, "no faces");
    return std::move(scene_);
  }

 private:
  std::string_view next_line(std::string_view& text) {
    ++line_;
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
      line.remove_suffix(1);
    return line;
  }

  tl::unexpected<error> bad(const std::string& what, errc code = errc::corrupt) const {
    return fail(code, "line " + std::to_string(line_) + ": " + what);
  }

  result<void> statement(std::string_view rest) {
    const auto word = obj_word(rest);
    if (word.empty()) return {};
    // Most lines by far have these words: they are told apart by their letters.
    const char second = word.size() == 2 && word[0] == 'v' ? word[1] : '\0';
    if (second == 'n') return numbers<3>(rest, normals_, 3);
    if (second == 't') return numbers<2>(rest, uvs_, 1);
    if (word.size() == 1 && word[0] == 'v') return numbers<3>(rest, positions_, 3);
    if (word.size() == 1 && word[0] == 'f') return face(rest);
    if (word == "o" || word == "g") return begin_mesh(rest);
    if (word == "usemtl") return use_material(rest);
    if (word == "p" || word == "l") warnings_.add("points and lines are left out");
    if (word == "curv" || word == "curv2" || word == "surf")
      warnings_.add("free-form curves and surfaces are left out");
    return {};
  }

  /// Appends `Count` numbers, of which `needed` must be there.
  template <std::size_t Count>
  result<void> numbers(std::string_view rest, std::vector<std::array<float, Count>>& into,
                       std::size_t needed) {
    std::array<float, Count> values{};
    for (std::size_t i = 0; i < Count; ++i) {
      auto word = obj_word(rest);
      if (word.empty()) {
        if (i < needed) return bad("too few numbers");
        break;
      }
      if (word.front() == '+') word.remove_prefix(1);
      const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), values[i]);
      if (failed == std::errc::result_out_of_range) return bad("'" + shown(word) + "' is out of range");
      if (failed != std::errc() || end != word.data() + word.size())
        return bad("'" + shown(word) + "' is no number");
      if (!std::isfinite(values[i])) return bad("'" + shown(word) + "' is no finite number");
    }
    if (into.size() == mesh_vertices_max) return bad("too many vertices", errc::too_large);
    if (into.size() == into.capacity())
      GRAPHITE_CHECK(budget_.take(std::max<std::size_t>(into.size(), 64) * sizeof values, "vertices"));
    into.push_back(values);
    return {};
  }

  static std::string shown(std::string_view word) {
    word = word.substr(0, 40);
    return is_utf8(word) ? std::string(word) : std::string("?");
  }

  result<std::uint32_t> reference(std::string_view text, std::size_t count) const {
    if (text.size() <= 9) {  // nearly all: a plain number
      std::uint32_t plain = 0;
      bool is_plain = true;
      for (const char c : text) {
        const auto digit = static_cast<std::uint32_t>(c - '0');
        is_plain = is_plain && digit <= 9;
        plain = plain * 10 + digit;
      }
      if (is_plain && plain != 0 && plain <= count) return plain - 1;
    }
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size())
      return bad("'" + shown(text) + "' names no vertex");
    const auto limit = static_cast<std::int64_t>(count);
    if (value < 0 && value >= -limit) return static_cast<std::uint32_t>(limit + value);
    if (value >= 1 && value <= limit) return static_cast<std::uint32_t>(value - 1);
    return bad("vertex " + std::to_string(value) + " of " + std::to_string(count));
  }

  result<obj_corner> corner(std::string_view word) const {
    obj_corner out{mesh_none, mesh_none, mesh_none};
    const auto first = word.find('/');
    GRAPHITE_TRY(out.position, reference(word.substr(0, first), positions_.size()));
    if (first == std::string_view::npos) return out;
    word.remove_prefix(first + 1);
    const auto second = word.find('/');
    if (const auto text = word.substr(0, second); !text.empty()) {
      GRAPHITE_TRY(out.uv, reference(text, uvs_.size()));
    }
    if (second != std::string_view::npos && second + 1 < word.size()) {
      GRAPHITE_TRY(out.normal, reference(word.substr(second + 1), normals_.size()));
    }
    return out;
  }

  result<void> face(std::string_view rest) {
    face_.clear();
    for (auto word = obj_word(rest); !word.empty() && word.front() != '#'; word = obj_word(rest)) {
      if (face_.size() == polygon_corners_max)
        return bad("a polygon of over " + std::to_string(polygon_corners_max) + " corners", errc::too_large);
      GRAPHITE_TRY(const auto one, corner(word));
      face_.push_back(one);
    }
    if (face_.size() < 3) return bad("a face of fewer than 3 corners");
    static constexpr std::array<std::uint32_t, 3> one_triangle{0, 1, 2};
    std::span<const std::uint32_t> made = one_triangle;
    if (face_.size() > 3) {
      triangles_.clear();
      points_.clear();
      for (const auto& one : face_) points_.push_back(positions_[one.position]);
      triangulate(points_, triangles_);
      made = triangles_;
    }
    indices_ += made.size();
    if (indices_ > mesh_indices_max) return bad("too many triangles", errc::too_large);
    if (corners_.capacity() - corners_.size() < made.size())
      GRAPHITE_CHECK(
          budget_.take(std::max<std::size_t>(corners_.size(), 1024) * sizeof(obj_corner), "faces"));
    for (const auto at : made) corners_.push_back(face_[at]);
    return {};
  }

  result<void> begin_mesh(std::string_view rest) {
    GRAPHITE_CHECK(finish_primitive());
    name_ = name_of(rest);
    in_mesh_ = false;
    return {};
  }

  result<void> use_material(std::string_view rest) {
    const auto name = name_of(rest);
    const auto [found, fresh] =
        material_numbers_.try_emplace(name, static_cast<std::uint32_t>(scene_.materials.size()));
    if (!fresh && found->second == material_) return {};
    GRAPHITE_CHECK(finish_primitive());
    if (fresh) {
      if (scene_.materials.size() == mesh_materials_max) return bad("too many materials", errc::too_large);
      scene_.materials.emplace_back().name = name;
    }
    material_ = found->second;
    return {};
  }

  static std::string name_of(std::string_view rest) {
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
    rest = rest.substr(0, mesh_name_bytes_max);
    return is_utf8(rest) ? std::string(rest) : std::string();
  }

  /// Makes a primitive of the corners since the last one.
  result<void> finish_primitive() {
    if (corners_.empty()) return {};
    if (++primitives_ > mesh_primitives_max) return bad("too many groups and materials", errc::too_large);
    if (!in_mesh_) {
      source_node node;
      node.name = name_;
      node.mesh = static_cast<std::uint32_t>(scene_.meshes.size());
      scene_.nodes.push_back(std::move(node));
      scene_.meshes.emplace_back().name = name_;
      in_mesh_ = true;
    }
    bool uvs = true, normals = true, any_uv = false, any_normal = false;
    for (const auto& one : corners_) {
      uvs = uvs && one.uv != mesh_none, any_uv = any_uv || one.uv != mesh_none;
      normals = normals && one.normal != mesh_none, any_normal = any_normal || one.normal != mesh_none;
    }
    if (uvs != any_uv) warnings_.add("texture coordinates are left out where not all corners have them");
    if (normals != any_normal) warnings_.add("normals are left out where not all corners have them");
    for (auto& one : corners_) {
      if (!uvs) one.uv = mesh_none;
      if (!normals) one.normal = mesh_none;
    }
    GRAPHITE_TRY(auto made, primitive_of(uvs, normals));
    scene_.meshes.back().primitives.push_back(std::move(made));
    corners_.clear();
    return {};
  }

  result<source_primitive> primitive_of(bool uvs, bool normals) {
    source_primitive out;
    out.material = material_;
    // The table, the indices and, at the most, a vertex for each corner.
    const auto corner_bytes = 4 + 4 + 12 + sizeof(obj_vertex) + 20 + (uvs ? 8 : 0) + (normals ? 12 : 0);
    GRAPHITE_CHECK(budget_.take(corners_.size() * corner_bytes, "faces"));
    GRAPHITE_CHECK(budget_.take((positions_.size() - newest_.size()) * 4, "vertices"));
    std::vector<std::uint32_t> remap(corners_.size());
    const auto made = number_vertices(remap);
    out.vertex_count = static_cast<std::uint32_t>(made.size());
    out.positions.resize(made.size() * 3);
    if (uvs) out.uvs[0].resize(made.size() * 2);
    if (normals) out.normals.resize(made.size() * 3);
    for (std::size_t i = 0; i < made.size(); ++i) {
      const auto& one = corners_[made[i]];
      for (std::size_t axis = 0; axis < 3; ++axis)
        out.positions[i * 3 + axis] = positions_[one.position][axis];
      for (std::size_t axis = 0; normals && axis < 3; ++axis)
        out.normals[i * 3 + axis] = normals_[one.normal][axis];
      if (!uvs) continue;
      out.uvs[0][i * 2] = uvs_[one.uv][0];
      out.uvs[0][i * 2 + 1] = 1 - uvs_[one.uv][1];
    }
    out.indices = std::move(remap);
    return out;
  }

  /// Sets the number of each corner's vertex; a corner of each vertex. They are in the order of their
  /// positions in the file: those are mostly near their neighbours there, and all that follows finds them in
  /// the cache.
  std::vector<std::uint32_t> number_vertices(std::vector<std::uint32_t>& numbers) {
    vertices_.clear();
    newest_.resize(positions_.size(), mesh_none);
    const bool done = number_by_position(numbers);
    for (const auto& one : corners_) newest_[one.position] = mesh_none;
    const auto count =
        done ? vertices_.size()
             : meshopt_generateVertexRemap(numbers.data(), nullptr, corners_.size(), corners_.data(),
                                           corners_.size(), sizeof(obj_corner));
    std::vector<std::uint64_t> order(count);  // by position, then by appearance
    std::vector<std::uint32_t> corner_of(count), place(count), out(count);
    for (std::size_t i = 0; i < corners_.size(); ++i) {
      order[numbers[i]] = std::uint64_t{corners_[i].position} << 32 | numbers[i];
      corner_of[numbers[i]] = static_cast<std::uint32_t>(i);
    }
    std::ranges::sort(order);
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto number = static_cast<std::uint32_t>(order[i]);
      place[number] = i;
      out[i] = corner_of[number];
    }
    for (auto& number : numbers) number = place[number];
    return out;
  }

  /// Numbers vertices in the order in which they appear. False where too many vertices are at too few
  /// positions to go through them.
  bool number_by_position(std::vector<std::uint32_t>& numbers) {
    auto steps_left = corners_.size() * chain_steps_mean_max;
    for (std::size_t i = 0; i < corners_.size(); ++i) {
      const auto& one = corners_[i];
      auto& newest = newest_[one.position];
      auto at = newest;
      while (at != mesh_none && (vertices_[at].uv != one.uv || vertices_[at].normal != one.normal)) {
        if (--steps_left == 0) return false;
        at = vertices_[at].older;
      }
      if (at == mesh_none) {
        at = static_cast<std::uint32_t>(vertices_.size());
        vertices_.push_back({one.uv, one.normal, newest});
        newest = at;
      }
      numbers[i] = at;
    }
    return true;
  }

  decode_budget& budget_;
  mesh_warnings& warnings_;
  source_scene scene_;
  std::vector<std::array<float, 3>> positions_, normals_, points_;
  std::vector<std::array<float, 2>> uvs_;
  std::vector<obj_corner> corners_, face_;
  std::vector<obj_vertex> vertices_;  ///< of the primitive that is made
  std::vector<std::uint32_t>
      newest_;  ///< by position: the vertex with it that came last, for the time of a primitive
  std::vector<std::uint32_t> triangles_;
  std::map<std::string, std::uint32_t, std::less<>> material_numbers_;
  std::uint32_t material_ = mesh_none;
  std::string name_;
  bool in_mesh_ = false;
  std::uint64_t line_ = 0, indices_ = 0, primitives_ = 0;
};

}  // namespace

result<source_scene> read_obj(byte_span bytes, decode_budget& budget, mesh_warnings& warnings) {
  return obj_reader(budget, warnings).read(as_text(bytes));
}

}  // namespace graphite
