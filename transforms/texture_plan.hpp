#pragma once

#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/logical_path.hpp"
#include "core/transform_options.hpp"
#include "transforms/block_compress.hpp"
#include "transforms/mip_chain.hpp"

namespace graphite {

/// What the pixels of all images of one texture have in common.
struct texture_traits {
  bool opaque = true;  ///< every alpha is 255
  bool grey = true;    ///< red, green and blue are the same everywhere
};

/// How one texture is made.
struct texture_plan {
  mip_options mips;
  texel_format format = texel_format::bc1;
  block_quality quality = block_quality::normal;
  bool srgb = true;
};

/// Images of one cube or array.
inline constexpr std::size_t texture_images_max = 2'048;

/// What a file's pixels mean by the end of its name, before an extension; colour where that says nothing.
texel_meaning meaning_of_name(std::string_view stem);

texture_traits traits_of(const std::vector<rgba_image>& images);

/// Errors: invalid_argument where format and usage do not go together.
result<texture_plan> plan_texture(const option_values& options, const logical_path& path,
                                  const texture_traits& traits);

/// The images beside the main one, in order. Errors: invalid_argument (a wrong number, or a path that leaves
/// the root), too_large.
result<std::vector<logical_path>> further_images(const option_values& options, const logical_path& path);

}  // namespace graphite
