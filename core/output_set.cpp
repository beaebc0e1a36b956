#include "core/output_set.hpp"

#include <algorithm>

namespace graphite {

result<output_set> output_set::make(std::span<const output_name> names) {
  output_set out;
  for (const auto& name : names) {
    if (name.wildcard) {
      GRAPHITE_CHECK(logical_path::parse(name.folder().empty() ? "x" : name.folder() + "/x"));
      GRAPHITE_TRY(auto pattern, glob::parse(name.text));
      out.wild_.push_back(std::move(pattern));
    } else {
      GRAPHITE_CHECK(logical_path::parse(name.text));
      out.exact_.push_back(name.text);
    }
  }
  std::sort(out.exact_.begin(), out.exact_.end());
  return out;
}

result<output_set> output_set::expand(std::span<const std::string> templates, const logical_path& source) {
  std::vector<output_name> names;
  for (const auto& text : templates) {
    auto name = expand_output(text, source);
    if (!name) return fail(name.error().code, "output " + text + ": " + name.error().context);
    names.push_back(std::move(*name));
  }
  return make(names);
}

bool output_set::is_exact(std::string_view path) const {
  return std::binary_search(exact_.begin(), exact_.end(), path);
}

std::vector<std::string> output_set::missing(std::span<const logical_path> made) const {
  std::vector<std::string> out;
  for (const auto& name : exact_)
    if (std::none_of(made.begin(), made.end(), [&](const auto& path) { return path.str() == name; }))
      out.push_back(name);
  for (const auto& pattern : wild_)
    if (std::none_of(made.begin(), made.end(), [&](const auto& path) { return pattern.matches(path.str()); }))
      out.push_back(pattern.text());
  return out;
}

}  // namespace graphite
