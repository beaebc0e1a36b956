#pragma once

#include <string>
#include <vector>

#include "tests/worker/real_worker.hpp"

/// \file Small valid files of every format that a transform reads, made in code.

namespace graphite::test {

/// A format with files of several kinds.
struct source_format {
  std::string name;
  std::vector<source_file> files;
  /// Makes checksums in damaged bytes right again, so that the damage gets further; null: there are none.
  std::string (*mend)(std::string bytes) = nullptr;
};

std::vector<source_format> picture_formats();
std::vector<source_format> mesh_formats();
std::vector<source_format> media_formats();  ///< shaders, sound, texts and archives

/// Larger ones, of every transform that reckons with samples: what is small may miss a loop.
std::vector<source_file> larger_pictures();
source_file larger_mesh();
source_file larger_sound();

inline std::vector<source_format> all_formats() {
  auto out = picture_formats();
  for (auto& one : mesh_formats()) out.push_back(std::move(one));
  for (auto& one : media_formats()) out.push_back(std::move(one));
  return out;
}

/// A file that is known to harm some decoders.
struct trap {
  std::string name;
  source_file file;
  bool refused = true;  ///< false: it is a file like others, and its outputs come
};

std::vector<trap> picture_traps();
std::vector<trap> mesh_traps();
std::vector<trap> media_traps();

/// `text`, `count` times.
inline std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace graphite::test
