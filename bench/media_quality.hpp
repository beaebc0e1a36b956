#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace graphite::bench {

/// How near Ogg Opus is to the stereo WAV file of 16 bits that it was made of: the mean over pieces of 20 ms
/// of the signal to noise, in dB, each piece within 0 and 60 (segmental SNR). Silent pieces do not count.
double sound_likeness(const std::string& wav, const std::string& opus);

/// Triangles as they lie in the units of the source.
struct triangle_mesh {
  std::vector<float> points;           ///< 3 each
  std::vector<std::uint32_t> indices;  ///< 3 a triangle
};

/// Of a level of one of our mesh files.
triangle_mesh triangles_of_gmesh(const std::string& bytes, std::uint32_t level);
/// Of a glTF document, its nodes' transforms applied; `buffer`: what it names.
triangle_mesh triangles_of_gltf(const std::string& bytes, const std::string& buffer = {});

/// Vertices that a cache of 16 misses, for each triangle.
double cache_misses(const triangle_mesh& mesh);
/// The greatest distance of any corner of `from` from the triangles of `to`, of the longest side of `from`'s
/// box.
double greatest_error(const triangle_mesh& from, const triangle_mesh& to);

}  // namespace graphite::bench
