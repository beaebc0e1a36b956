#pragma once

#include "transforms/built_in.hpp"

namespace graphite {

/// JSON, XML and TOML: checked, and written without what only people need.
inline const transform_description& text_description() {
  static const transform_description out{
      .name = "text",
      .version = 1,
      .help = "checks JSON, XML and TOML and writes them without what only people need",
      .matches = {"*.json", "*.xml", "*.toml"},
      .outputs = {"{in}.min"},
      .options =
          {
              {.name = "format",
               .standard = std::string("auto"),
               .help = "what it is; auto goes by the extension",
               .choices = {"auto", "json", "xml", "toml"}},
              {.name = "minify", .standard = true, .help = "without white space and comments"},
          },
  };
  return out;
}

/// See transform_function.
result<transform_output> run_text(const transform_input& in);

}  // namespace graphite
