#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace graphite {

/// A text that names a file, as a built-in scanner found it.
struct found_text {
  std::string text;
  bool search_only = false;  ///< `<…>` of an include: only the search folders are meant
};

/// What the formats name. Pure; any bytes are accepted, malformed ones give fewer texts; at most
/// `texts_max` come back. Linear in the bytes.

/// What of a glTF document is meant.
enum class gltf_files { all, buffers, images };

/// glTF 2.0, JSON or GLB: `uri` of buffers and images or one of them, percent-decoded; `data:` is passed
/// over. Source of the format: Khronos glTF 2.0, sections 3.6.1, 3.8.3, 4.4.
std::vector<found_text> scan_gltf(std::string_view bytes, std::size_t texts_max,
                                  gltf_files which = gltf_files::all);

/// Wavefront OBJ: the files of `mtllib`. Names with spaces are understood where they end in `.mtl`.
std::vector<found_text> scan_obj(std::string_view bytes, std::size_t texts_max);

/// Wavefront MTL: `map_*`, `bump`, `disp`, `decal`, `refl`, `norm`; their options are stepped over.
std::vector<found_text> scan_mtl(std::string_view bytes, std::size_t texts_max);

/// GLSL and relatives: `#include "…"` and `#include <…>` outside comments.
/// Source of the syntax: GL_GOOGLE_include_directive, GL_ARB_shading_language_include.
std::vector<found_text> scan_glsl(std::string_view bytes, std::size_t texts_max);

}  // namespace graphite
