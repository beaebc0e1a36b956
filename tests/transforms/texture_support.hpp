#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "platform/linux/fresh_threads.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/plain_buffers.hpp"
#include "tests/transforms/image_sources.hpp"
#include "transforms/rgba_image.hpp"
#include "transforms/texture.hpp"

/// \file Images made in code, and the transform `texture` run over them.

namespace graphite::test {

/// Files in memory that a transform may ask for.
class memory_files : public transform_files {
 public:
  std::map<std::string, byte_vector, std::less<>> files;
  result<byte_span> read(const logical_path& path) override {
    const auto found = files.find(path.str());
    if (found == files.end()) return fail(errc::not_found, path.str());
    return byte_span(found->second);
  }
};

using given_options = std::map<std::string, option_value, std::less<>>;

inline result<transform_output> texture_of(byte_span bytes, const given_options& given = {},
                                           std::string_view name = "img/a.png", memory_files files = {},
                                           std::size_t threads = 1) {
  const auto path = path_of(name);
  const auto options = option_values::make(texture_description().options, given);
  EXPECT_TRUE(options) << options.error().context;
  const std::vector<output_name> outputs{expand_output("{dir}/{stem}.ktx2", path).value()};
  fresh_threads calls(threads);
  plain_buffers memory;
  return run_texture({path, bytes, *options, outputs, files, calls, memory});
}

/// The file that the parts are together; empty (and a failure) where there is an error.
inline byte_vector ktx2_of(byte_span bytes, const given_options& given = {},
                           std::string_view name = "img/a.png", memory_files files = {}) {
  const auto made = texture_of(bytes, given, name, std::move(files));
  EXPECT_TRUE(made) << made.error().context;
  byte_vector out;
  if (made)
    for (const auto& part : made->assets.at(0).parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

inline errc code_of(const result<transform_output>& made) { return made ? errc{} : made.error().code; }

/// Of the colours, over pixels with an alpha.
inline double psnr(const rgba_image& a, const rgba_image& b, std::size_t channels = 3) {
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < std::min(a.pixels.size(), b.pixels.size()); ++i) {
    if (i % 4 >= channels) continue;
    const auto difference = double(a.pixels[i]) - b.pixels[i];
    sum += difference * difference, ++count;
  }
  return sum == 0 ? 99 : 10 * std::log10(255.0 * 255.0 * count / sum);
}

}  // namespace graphite::test
