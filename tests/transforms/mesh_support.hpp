#pragma once

#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "platform/linux/fresh_threads.hpp"
#include "tests/support/plain_buffers.hpp"
#include "tests/transforms/mesh_sources.hpp"
#include "transforms/mesh.hpp"

namespace graphite::test {

using vertex = std::array<double, 3>;
using triangle = std::array<vertex, 3>;

class memory_files final : public transform_files {
 public:
  std::map<std::string, std::string> files;
  std::vector<std::string> asked;
  result<byte_span> read(const logical_path& path) override {
    asked.push_back(path.str());
    const auto found = files.find(path.str());
    if (found == files.end()) return fail(errc::not_found, "no such file");
    return as_bytes(found->second);
  }
};

using mesh_options = std::map<std::string, option_value, std::less<>>;

inline result<transform_output> run_mesh_on(const std::string& path, std::string_view bytes,
                                            const mesh_options& options = {}, memory_files* files = nullptr,
                                            std::size_t width = 1) {
  memory_files none;
  const auto parsed = logical_path::parse(path).value();
  const auto values = option_values::make(mesh_description().options, options).value();
  const std::vector<output_name> outputs{{"out.gmesh", false}};
  fresh_threads threads(width);
  plain_buffers memory;
  return run_mesh(
      {parsed, as_bytes(bytes), values, outputs, files != nullptr ? *files : none, threads, memory});
}

inline byte_vector joined(const made_asset& asset) {
  byte_vector out;
  for (const auto& part : asset.parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

template <class Number>
Number number_at(byte_span bytes, std::uint64_t at) {
  Number out{};
  if (at + sizeof out <= bytes.size()) std::memcpy(&out, bytes.data() + at, sizeof out);
  return out;
}

/// Reads a mesh file by docs/formats/mesh.md alone: it shares no code with the writer.
class plain_reader {
 public:
  explicit plain_reader(byte_vector bytes) : bytes_(std::move(bytes)) {}

  std::uint64_t count(int section) const {
    return number_at<std::uint64_t>(bytes_, 64 + (section - 1) * 32 + 16);
  }
  std::uint64_t record(int section, std::uint64_t number) const {
    const auto at = 64 + (section - 1) * 32;
    return number_at<std::uint64_t>(bytes_, at + 8) + number * number_at<std::uint32_t>(bytes_, at + 4);
  }
  template <class Number>
  Number at(std::uint64_t place) const {
    return number_at<Number>(bytes_, place);
  }
  std::string text(std::uint64_t place) const {
    const auto from = record(11, 0) + at<std::uint32_t>(place);
    return {reinterpret_cast<const char*>(bytes_.data()) + from, at<std::uint32_t>(place + 4)};
  }
  std::uint32_t levels() const { return at<std::uint32_t>(20); }
  std::uint64_t draw_of(std::uint64_t submesh, std::uint32_t level) const {
    return record(4, at<std::uint32_t>(record(3, submesh) + 8) + level);
  }
  /// The place of the attribute with this semantic; 0: none.
  std::uint64_t attribute(std::uint64_t draw, int semantic) const {
    for (std::uint32_t i = 0; i < at<std::uint32_t>(draw + 24); ++i) {
      const auto one = record(5, at<std::uint32_t>(draw + 20) + i);
      if (at<std::uint16_t>(one) == semantic) return one;
    }
    return 0;
  }
  std::vector<double> value(std::uint64_t submesh, std::uint64_t draw, int semantic,
                            std::uint32_t vertex) const {
    const auto one = attribute(draw, semantic);
    const auto place = at<std::uint64_t>(one + 8) + std::uint64_t{vertex} * at<std::uint32_t>(one + 4);
    const auto from = record(3, submesh);
    std::vector<double> out;
    const auto grid = [&](std::size_t k) {
      const std::uint64_t first = semantic == 1 ? 56 : 80 + (semantic == 5 ? 8 : 0);
      return at<float>(from + first + 4 * k) +
             double{at<float>(from + first + (semantic == 1 ? 12 : 16) + 4 * k)} *
                 at<std::uint16_t>(place + 2 * k) / 65535.0;
    };
    const int format = at<std::uint16_t>(one + 2);
    for (std::size_t k = 0; k < 4; ++k) {
      if (format >= 1 && format <= 3 && static_cast<int>(k) <= format)
        out.push_back(at<float>(place + 4 * k));
      if ((format == 4 && k < 2) || (format == 5 && k < 3)) out.push_back(grid(k));
      if (format == 6) out.push_back(at<std::int8_t>(place + k) / 127.0);
      if (format == 7) out.push_back(at<std::uint8_t>(place + k) / 255.0);
      if (format == 8) out.push_back(at<std::uint8_t>(place + k));
      if (format == 9) out.push_back(at<std::uint16_t>(place + 2 * k));
    }
    return out;
  }
  std::uint32_t index(std::uint64_t draw, std::uint32_t number) const {
    const auto place = at<std::uint64_t>(draw);
    return at<std::uint32_t>(draw + 12) == 2 ? at<std::uint16_t>(place + 2 * std::uint64_t{number})
                                             : at<std::uint32_t>(place + 4 * std::uint64_t{number});
  }
  std::vector<triangle> triangles(std::uint64_t submesh, std::uint32_t level = 0) const {
    const auto draw = draw_of(submesh, level);
    std::vector<triangle> out;
    for (std::uint32_t i = 0; i < at<std::uint32_t>(draw + 8); i += 3) {
      auto& made = out.emplace_back();
      for (std::uint32_t c = 0; c < 3; ++c) {
        const auto p = value(submesh, draw, 1, index(draw, i + c));
        made[c] = {p[0], p[1], p[2]};
      }
    }
    return out;
  }
  std::vector<triangle> all_triangles() const {
    std::vector<triangle> out;
    for (std::uint64_t s = 0; s < count(3); ++s)
      for (const auto& one : triangles(s)) out.push_back(one);
    return out;
  }
  const byte_vector& bytes() const { return bytes_; }

 private:
  byte_vector bytes_;
};

/// Whether two lists have the same triangles, each with its winding, whatever corner is first, within `error`
/// of each coordinate. Triangles are ordered on a grid, so sources must lie near whole multiples of `step`.
inline std::vector<std::array<long, 9>> on_grid(const std::vector<triangle>& list, double step) {
  std::vector<std::array<long, 9>> out;
  for (const auto& one : list) {
    std::array<long, 9> best{};
    for (std::size_t turn = 0; turn < 3; ++turn) {
      std::array<long, 9> turned{};
      for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t k = 0; k < 3; ++k) turned[c * 3 + k] = std::lround(one[(c + turn) % 3][k] / step);
      if (turn == 0 || turned < best) best = turned;
    }
    out.push_back(best);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace graphite::test
