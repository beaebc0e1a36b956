#include "transforms/shader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/output_set.hpp"
#include "transforms/shader_compile.hpp"

namespace graphite {

namespace {

/// By the option, else by the name: `a.frag` and `a.frag.glsl`.
result<std::string> shader_stage(const transform_input& in) {
  const auto& wanted = in.options.text("stage");
  if (wanted != "auto") return wanted;
  auto name = case_fold(in.path.file_name());
  if (name.ends_with(".glsl")) name.erase(name.size() - 5);
  for (const std::string stage : {"vert", "frag", "comp", "geom", "tesc", "tese"})
    if (name.ends_with("." + stage)) return stage;
  return fail(errc::invalid_argument, "the name does not say which stage it is: set the option `stage`");
}

/// Where the module and its reflection go.
class shader_names {
 public:
  static result<shader_names> make(const transform_input& in) {
    shader_names out;
    GRAPHITE_TRY(out.declared_, output_set::make(in.outputs));
    for (const auto& name : in.outputs) {
      if (name.wildcard) continue;
      auto& place = name.text.ends_with(".spv") ? out.module_ : out.reflection_;
      if (!place.empty() || (!name.text.ends_with(".spv") && !name.text.ends_with(".json")))
        return fail(
            errc::invalid_argument,
            fmt::format("`{}`: `shader` has one output that ends in .spv and one in .json", name.text));
      place = name.text;
    }
    if (out.module_.empty()) return fail(errc::invalid_argument, "no output ends in .spv");
    return out;
  }

  result<logical_path> module_path(const std::string& variant) const {
    const auto name = with(module_, variant);
    if (!declared_.declares(name))
      return fail(
          errc::invalid_argument,
          fmt::format("no output declares `{}`: add \"{{dir}}/{{name}}.*.spv\" to the rule's outputs", name));
    return logical_path::parse(name);
  }
  /// Nothing where it is not wanted.
  result<std::optional<logical_path>> reflection_path(const std::string& variant) const {
    if (reflection_.empty()) return std::nullopt;
    const auto name = with(reflection_, variant);
    if (!declared_.declares(name)) return std::nullopt;
    GRAPHITE_TRY(auto path, logical_path::parse(name));
    return std::optional(std::move(path));
  }

 private:
  static std::string with(std::string name, const std::string& variant) {
    return variant.empty() ? name : name.insert(name.rfind('.'), "." + variant);
  }
  output_set declared_;
  std::string module_, reflection_;
};

/// Little-endian on every machine.
byte_vector bytes_of(const std::vector<std::uint32_t>& words) {
  byte_vector out;
  out.reserve(words.size() * 4);
  for (const auto word : words)
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::byte>(word >> shift));
  return out;
}

result<shader_job> job_of(const transform_input& in) {
  GRAPHITE_TRY(auto stage, shader_stage(in));
  shader_job out{.path = in.path,
                 .text = as_text(in.bytes),
                 .stage = std::move(stage),
                 .target = in.options.text("target"),
                 .entry = in.options.text("entry"),
                 .optimize = in.options.text("optimize"),
                 .debug = in.options.flag("debug"),
                 .defines = in.options.texts("defines"),
                 .include = in.options.texts("include")};
  for (auto& folder : out.include) {
    while (folder.ends_with('/')) folder.pop_back();
    if (folder == ".") folder.clear();
  }
  return out;
}

/// Both outputs of one variant, the reflection first where there is one.
result<void> make_variant(shader_job job, const shader_variant& variant, const shader_names& names,
                          transform_files& files, transform_output& out) {
  job.defines.insert(job.defines.end(), variant.defines.begin(), variant.defines.end());
  GRAPHITE_TRY(auto path, names.module_path(variant.name));
  GRAPHITE_TRY(auto reflection_path, names.reflection_path(variant.name));
  GRAPHITE_TRY(auto compiled, compile_shader(job, files));
  GRAPHITE_TRY(auto words, optimized_shader(job, std::move(compiled.words)));
  if (reflection_path) {
    GRAPHITE_TRY(const auto json, reflected_shader(job, words));
    const auto bytes = as_bytes(std::string_view(json));
    out.assets.push_back({std::move(*reflection_path), {byte_vector(bytes.begin(), bytes.end())}});
  }
  GRAPHITE_TRY(words, finished_shader(job, std::move(words)));
  out.assets.push_back({std::move(path), {bytes_of(words)}});
  if (out.warnings.find(compiled.warnings) == std::string::npos) out.warnings += compiled.warnings;
  return {};
}

}  // namespace

result<transform_output> run_shader(const transform_input& in) {
  GRAPHITE_TRY(const auto names, shader_names::make(in));
  GRAPHITE_TRY(auto variants, parse_shader_variants(in.options.texts("variants")));
  variants.insert(variants.begin(), shader_variant{});  // the shader itself
  GRAPHITE_TRY(const auto job, job_of(in));
  transform_output out;
  for (const auto& variant : variants) {
    auto made = make_variant(job, variant, names, in.files, out);
    if (!made && !variant.name.empty())
      return fail(made.error().code, fmt::format("variant {}: {}", variant.name, made.error().context));
    GRAPHITE_CHECK(std::move(made));
  }
  std::sort(out.assets.begin(), out.assets.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return out;
}

}  // namespace graphite
