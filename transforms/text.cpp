#include "transforms/text.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/digest.hpp"
#include "transforms/text_formats.hpp"

namespace graphite {

std::string text_place(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto last = before.rfind('\n');
  const auto column = last == before.npos ? before.size() + 1 : before.size() - last;
  return fmt::format("line {}, column {}: ", line, column);
}

namespace {

result<std::string> minified_text(std::string_view format, std::string_view text) {
  if (format == "json") return minified_json(text);
  if (format == "xml") return minified_xml(text);
  if (format == "toml") return minified_toml(text);
  return fail(errc::invalid_argument,
              fmt::format("the extension `{}` says nothing: set the option `format`", format));
}

}  // namespace

result<transform_output> run_text(const transform_input& in) {
  if (in.outputs.size() != 1 || in.outputs.front().wildcard)
    return fail(errc::invalid_argument, "`text` makes one output with a fixed name");
  GRAPHITE_TRY(auto path, logical_path::parse(in.outputs.front().text));
  if (in.bytes.size() > text_bytes_max)
    return fail(errc::too_large,
                fmt::format("{} bytes of text: at most {}", in.bytes.size(), text_bytes_max));
  auto format = in.options.text("format");
  if (format == "auto") {
    format = case_fold(in.path.extension());
    if (!format.empty()) format.erase(0, 1);
  }
  GRAPHITE_TRY(const auto minified, minified_text(format, as_text(in.bytes)));
  const auto bytes = in.options.flag("minify") ? as_bytes(std::string_view(minified)) : in.bytes;
  transform_output out;
  out.assets.push_back({std::move(path), {byte_vector(bytes.begin(), bytes.end())}});
  return out;
}

}  // namespace graphite
