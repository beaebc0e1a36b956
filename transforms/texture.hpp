#pragma once

#include "transforms/built_in.hpp"

namespace graphite {

/// For docs/transforms.md.
inline constexpr std::string_view texture_details =
    R"(Reads PNG, JPEG and TGA by their bytes, not their names. Of 16-bit samples the upper eight bits are kept;
palettes and transparent colours become RGBA. Gamma and colour profiles are passed over: colours are taken
for sRGB. A JPEG of CMYK and a side of over 16,384 pixels are refused.

Makes one KTX 2.0 file without supercompression, whose blocks lie as Vulkan, Direct3D and OpenGL take them.
The asset has a part for the header and one for each mip level, **the smallest first**, in the order of the
file: having the first parts, a reader has the small levels. Key/value data are `KTXorientation` `rd`,
`KTXwriter`, and of bc4 `KTXswizzle` `rrr1`.

| format | bytes of 4 × 4 pixels | keeps | sRGB |
|---|---|---|---|
| `bc1` | 8 | colour, no alpha | if `usage` is color |
| `bc3` | 16 | colour and alpha | if `usage` is color |
| `bc4` | 8 | red alone | never |
| `bc5` | 16 | red and green; a shader computes blue of the normal | never |
| `rgba8` | 64 | every pixel exactly | if `usage` is color |

`usage` says what pixels mean, and so how smaller levels are made: of color in linear light, of data as
numbers, of normal as vectors that are brought to unit length again. By itself it goes by the end of the
name (`wall_n.png`, `wall_rough.png`), so name it in a rule of its own where names say something else. Where
alpha is kept, pixels weigh by it, so that what nobody sees does not bleed into edges; `alpha_coverage`
keeps leaves and fences from thinning out in the distance. Odd sizes are filtered with each pixel's true
share. The result is the same on every machine, whatever instructions it has.)";

/// PNG, JPEG and TGA to KTX 2.0 with mip levels, in the GPU's own block formats.
///
/// The output has one part for the header and one a level, the smallest first, as they lie in the file: who
/// reads the first parts has the small levels.
inline const transform_description& texture_description() {
  static const transform_description out{
      .name = "texture",
      .version = 3,
      .help = "makes KTX2 textures of PNG, JPEG and TGA, with mip levels and block compression",
      .details = texture_details,
      .pictures = {{"images/texture-levels.png",
                    "Levels 0 to 5 of a texture in bc1, as `graphite preview --level N` shows them"},
                   {"images/texture-blocks.png",
                    "48 × 48 pixels in rgba8 and, to the right, in bc1: each block of 4 × 4 has colours on "
                    "one line only"}},
      .matches = {"*.png", "*.jpg", "*.jpeg", "*.tga"},
      .outputs = {"{dir}/{stem}.ktx2"},
      .options =
          {
              {.name = "alpha_coverage",
               .standard = 0.0,
               .help =
                   "alpha that a shader tests against: every level keeps the share of pixels over it; 0: off",
               .least = 0,
               .most = 1},
              {.name = "format",
               .standard = std::string("auto"),
               .help = "auto: bc5 for normals, bc4 for grey data, bc3 with alpha, else bc1",
               .choices = {"auto", "bc1", "bc3", "bc4", "bc5", "rgba8"}},
              {.name = "layers",
               .standard = std::vector<std::string>{},
               .help =
                   "the further images of a cube or array in order, relative to the first; a cube without "
                   "them has its first image in a file NAME_px and the others in _nx _py _ny _pz _nz"},
              {.name = "layout",
               .standard = std::string("2d"),
               .help = "one image, six of a cube (+X -X +Y -Y +Z -Z), or an array of them",
               .choices = {"2d", "cube", "array"}},
              {.name = "max_size",
               .standard = std::int64_t{0},
               .help = "a larger image is halved until both sides fit; 0: any size",
               .least = 0,
               .most = 16'384,
               .unit = "px"},
              {.name = "mip_filter",
               .standard = std::string("kaiser"),
               .help = "kaiser is sharper, box faster",
               .choices = {"box", "kaiser"}},
              {.name = "mips", .standard = true, .help = "with all smaller levels down to one pixel"},
              {.name = "quality",
               .standard = std::string("normal"),
               .help = "of bc1 and bc3: high takes many times as long",
               .choices = {"fast", "normal", "high"}},
              {.name = "usage",
               .standard = std::string("auto"),
               .help =
                   "color is sRGB, data and normal are linear; auto goes by the name's end: _n _normal _nrm, "
                   "_rough _metal _ao _orm _mask _height and the like, else color",
               .choices = {"auto", "color", "data", "normal"}},
          },
      // Images of one file need no other, and do not wait for any.
      .libraries = {"libspng", "libz", "libturbojpeg", "libsquish"},
      .more_inputs = [](const option_values& options) -> std::vector<std::string> {
        if (options.text("layout") == "2d") return {};
        return {"**/*.png", "**/*.jpg", "**/*.jpeg", "**/*.tga"};
      },
      .cost_ns_per_byte = 60,
      .memory_bytes_max = 4 * GiB,
      .timeout = milliseconds(300'000),
      .output_bytes_max = 2 * GiB,
  };
  return out;
}

/// See transform_function.
result<transform_output> run_texture(const transform_input& in);

}  // namespace graphite
