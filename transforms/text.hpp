#pragma once

#include "transforms/built_in.hpp"

namespace graphite {

/// For docs/transforms.md.
inline constexpr std::string_view text_details =
    R"(Checks JSON (RFC 8259), XML 1.0 and TOML 1.0 completely, so that a mistake is told with line and column when
the file is saved and not when a program reads it, and writes the text without what only people need. What a
program reads stays as it is written: numbers and strings byte for byte, keys in their order.

- **JSON**: white space goes, and a byte order mark. A key twice in one object is a mistake, for readers
  differ in which they take. Comments and commas at ends are mistakes, too.
- **XML**: comments go, and white space between elements of an element that holds no other text, unless
  `xml:space` says "preserve". Entity declarations are refused; there is no validation against a schema.
- **TOML**: comments, blank lines and spaces at the ends of lines go.

With `minify` off the text is checked and passed on unchanged. The output has another name than the source
(`a.min.json`), as an output must; name `outputs` to have it elsewhere. Texts of over 256 MiB, or nested
deeper than 512, are refused.)";

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
      .details = text_details,
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
      .libraries = {"libexpat"},
      .inputs = {},
      .cost_ns_per_byte = 20,
  };
  return out;
}

/// See transform_function.
result<transform_output> run_text(const transform_input& in);

}  // namespace graphite
