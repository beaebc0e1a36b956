#pragma once

#include "transforms/built_in.hpp"

namespace graphite {

/// JSON, XML and TOML: checked, and written without what only people need.
///
/// Bounds: text_bytes_max, text_depth_max. What a program reads stays as it is written, numbers and strings
/// byte for byte. JSON: no key twice in an object. XML: no entity declarations; comments go, and the white
/// space between elements of an element that holds no other text, unless xml:space says "preserve". TOML:
/// comments, blank lines and spaces at the ends of lines go.
inline const transform_description& text_description() {
  static const transform_description out{
      .name = "text",
      .version = 1,
      .help = "checks JSON, XML and TOML and writes them without what only people need",
      .matches = {"*.json", "*.xml", "*.toml"},
      .outputs = {"{dir}/{stem}.min.{ext}"},
      .options =
          {
              {.name = "format",
               .standard = std::string("auto"),
               .help = "what it is; auto goes by the extension",
               .choices = {"auto", "json", "xml", "toml"}},
              {.name = "minify", .standard = true, .help = "without white space and comments"},
          },
      .references = {},
      .inputs = {},
      .cost_ns_per_byte = 20,
  };
  return out;
}

/// See transform_function.
result<transform_output> run_text(const transform_input& in);

}  // namespace graphite
