#pragma once

#include "transforms/built_in.hpp"
#include "transforms/shader_options.hpp"

namespace graphite {

/// For docs/transforms.md.
inline constexpr std::string_view shader_details =
    R"(Compiles GLSL to SPIR-V with glslang, optimises and validates it with SPIRV-Tools, and describes by JSON
what a program must know to bind it: stage, entry point, inputs and outputs, uniform and storage buffers
with the offsets of their members, images and samplers with set and binding, push constants, specialisation
constants, the size of a work group. For the Vulkan targets a descriptor needs its `layout(set, binding)`
and an input its `layout(location)`: GLSL that is meant for a driver's own compiler will often not do.

The stage goes by the name: `a.frag`, `a.frag.glsl`. `#include` needs no `#extension` line: `"NAME"` is
looked for beside the including file, then, like `<NAME>`, in the folders of `include`. Whatever was
included, or looked for and not found, is what the result depends on. All mistakes are told at once, each
with its file and line.

Each of `variants` (`"fog: FOG QUALITY=2"`) makes one more module with its own macros. Its name stands
before the last extension (`a.frag.fog.spv`), and the rule must declare it:

```toml
[[rule]]
match = "*.frag"
transform = "shader"
outputs = ["{dir}/{name}.spv", "{dir}/{name}.json", "{dir}/{name}.*.spv"]
[rule.options]
variants = ["fog: FOG", "fine: QUALITY=2"]
```

Without `debug` names and lines are taken out of the module; the reflection has the names. Without an output
that ends in `.json` there is no reflection.)";

/// GLSL to SPIR-V, checked by SPIRV-Tools, and what a program must know to bind it, as JSON.
///
/// The stage goes by the extension (`a.frag`, `a.frag.glsl`) or the option `stage`. `#include` is there
/// without an `#extension` line: "NAME" is looked for beside the including file, then, like <NAME>, in the
/// folders of the option `include`. A file that includes itself, by whatever chain, is refused.
///
/// Outputs: the exact name that ends in `.spv` is the module; the one that ends in `.json`, if there is one,
/// its reflection. Each of `variants` makes one more of each: its name stands before the last extension
/// (`a.frag.spv`, variant fog: `a.frag.fog.spv`), and the rule must declare it by a wildcard such as
/// `{dir}/{name}.*.spv`; its reflection is left out where no output declares it.
///
/// Without `debug` the module has no names; the reflection has them.
/// Bounds: shader_bytes_max and so on in transforms/shader_compile.hpp. The mistakes of a shader are all in
/// the error, a line each, `line 3: ` for the source and `FILE:3: ` for what it includes.
inline const transform_description& shader_description() {
  static const transform_description out{
      .name = "shader",
      .version = 1,
      .help = "compiles GLSL to SPIR-V and describes what it binds",
      .details = shader_details,
      .matches = {"*.{vert,frag,comp,geom,tesc,tese}", "*.{vert,frag,comp,geom,tesc,tese}.glsl"},
      .outputs = {"{dir}/{name}.spv", "{dir}/{name}.json"},
      .options =
          {
              {.name = "debug", .standard = false, .help = "keeps names, lines and the source in the module"},
              {.name = "defines",
               .standard = std::vector<std::string>{},
               .help = "macros, each NAME or NAME=VALUE",
               .check = check_shader_macros},
              {.name = "entry",
               .standard = std::string("main"),
               .help = "name of the entry point in the module",
               .check = check_shader_entry},
              {.name = "include",
               .standard = std::vector<std::string>{},
               .help = "folders that #include looks in, relative to the root"},
              {.name = "optimize",
               .standard = std::string("performance"),
               .help = "what the module is optimised for",
               .choices = {"none", "size", "performance"}},
              {.name = "stage",
               .standard = std::string("auto"),
               .help = "the pipeline stage; auto goes by the extension",
               .choices = {"auto", "vert", "frag", "comp", "geom", "tesc", "tese"}},
              {.name = "target",
               .standard = std::string("vulkan1.0"),
               .help = "what shall run it",
               .choices = {"vulkan1.0", "vulkan1.1", "vulkan1.2", "opengl4.5"}},
              {.name = "variants",
               .standard = std::vector<std::string>{},
               .help = "further modules, each with macros of its own: \"NAME: MACRO MACRO=VALUE\"",
               .check = check_shader_variants},
          },
      .references = {},
      .libraries = {"libspirv-cross-c-shared"},
      .inputs = {"**/*.glsl", "**/*.inc", "**/*.h", "**/*.glslh", "**/*.glsli"},
      .cost_ns_per_byte = 5000,
  };
  return out;
}

/// See transform_function.
result<transform_output> run_shader(const transform_input& in);

}  // namespace graphite
