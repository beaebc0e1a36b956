#include "cli/config/init_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/glob.hpp"
#include "transforms/registry.hpp"

namespace graphite {

namespace {

const std::vector<std::string_view> gltf_extensions{".gltf", ".glb"};
const std::vector<std::string_view> obj_extensions{".obj", ".mtl"};
const std::vector<std::string_view> stage_extensions{".vert", ".frag", ".comp", ".geom", ".tesc", ".tese"};
const std::vector<std::string_view> shader_extensions{".glsl", ".vert", ".frag",    ".geom", ".comp",
                                                      ".tesc", ".tese", ".glslinc", ".hlsl"};

bool contains(const std::vector<std::string_view>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string lower_case(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

/// Extensions as they are written, with their files' number.
struct format_found {
  std::vector<std::string> extensions;
  std::size_t files = 0;

  bool any() const { return files != 0; }
};

/// The extensions of the survey that `wanted` takes, whatever their case.
template <class Wanted>
format_found find_where(const folder_survey& survey, const Wanted& wanted) {
  format_found out;
  for (const auto& [extension, count] : survey.extensions) {
    if (!wanted(lower_case(extension))) continue;
    out.extensions.push_back(extension);
    out.files += count;
  }
  return out;
}

format_found find_format(const folder_survey& survey, const std::vector<std::string_view>& wanted) {
  return find_where(survey, [&](const std::string& extension) { return contains(wanted, extension); });
}

bool takes(const transform_description& what, const std::string& extension) {
  return std::ranges::any_of(what.matches, [&](std::string_view pattern) {
    const auto parsed = glob::parse(pattern);
    return parsed && parsed->matches("a" + extension);
  });
}

const transform_description& built_in(std::string_view name) {
  const auto* const found = find_built_in(name);
  GRAPHITE_INVARIANT(found != nullptr);
  return *found;
}

/// What the transform of this name reads.
format_found find_for(const folder_survey& survey, std::string_view transform,
                      const std::vector<std::string_view>& without = {}) {
  const auto& what = built_in(transform);
  return find_where(survey, [&](const std::string& extension) {
    return !contains(without, extension) && takes(what, extension);
  });
}

/// Whether texts of the folder name such files, so that a program loads them by these names.
bool is_named(const folder_survey& survey, const format_found& found) {
  return std::ranges::any_of(found.extensions, [&](const std::string& extension) {
    return survey.named_extensions.contains(lower_case(extension));
  });
}

std::string list_of(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) out += fmt::format("{}\"{}\"", out.size() == 1 ? "" : ", ", text);
  return out + "]";
}

std::string patterns_of(const std::vector<std::string>& extensions) {
  std::vector<std::string> out;
  for (const auto& extension : extensions) out.push_back("*" + extension);
  return list_of(out);
}

/// A rule with a built-in transform, as it is proposed.
struct proposal {
  std::string_view title;  ///< "Textures"
  std::string_view rule;   ///< its name
  std::string_view transform;
  format_found found;
  std::string patterns;            ///< of `match`
  std::string_view remark = {};    ///< further comment lines, each with `# ` and a line feed
  std::string_view settings = {};  ///< further lines of the rule
  bool active = true;
  bool instead = false;  ///< a rule that follows takes the same files where this one is a comment
};

/// Two sources that would write one output get names of their own.
std::string outputs_of(const folder_survey& survey, const transform_description& what) {
  if (!survey.twins.contains(std::string(what.name))) return {};
  const std::string_view usual = what.outputs.front();
  return fmt::format("outputs = \"{{dir}}/{{name}}{}\"  # some differ in the extension only\n",
                     usual.substr(usual.rfind('.')));
}

std::string text_of(const folder_survey& survey, const proposal& one) {
  const auto& what = built_in(one.transform);
  const auto rule = fmt::format("[[rule]]\nname = \"{}\"\nmatch = {}\n{}transform = \"{}\"\n{}", one.rule,
                                one.patterns, outputs_of(survey, what), one.transform, one.settings);
  const auto count = count_of(one.found.files, "file");
  if (one.active)
    return fmt::format(
        "\n# {} ({}). This rule {}.\n"
        "# Options: graphite transforms {}. Take the rule away to have the files as they are.\n{}{}",
        one.title, count, what.help, what.name, one.remark, rule);
  std::string commented;
  for (std::size_t at = 0; at < rule.size();) {
    const auto end = rule.find('\n', at) + 1;
    commented += "# " + rule.substr(at, end - at);
    at = end;
  }
  return fmt::format(
      "\n# {} ({}) are assets as they are. This rule, without the # before its lines{},\n"
      "# {}.\n# Options: graphite transforms {}\n{}#\n{}",
      one.title, count, one.instead ? " and in the place of what takes them below" : "", what.help, what.name,
      one.remark, commented);
}

/// Models of a scene; object files of compilers have the same extension as OBJ, but no material libraries
/// beside them.
format_found find_models(const folder_survey& survey) {
  const bool materials = find_format(survey, {".mtl"}).any();
  return find_for(survey, "mesh",
                  materials ? std::vector<std::string_view>{} : std::vector<std::string_view>{".obj"});
}

bool makes_meshes(const folder_survey& survey) {
  const auto models = find_models(survey);
  return models.any() && !is_named(survey, models);
}

std::string gltf_copy_text(const folder_survey& survey) {
  const auto found = find_format(survey, gltf_extensions);
  if (!found.any()) return {};
  return fmt::format(
      "\n# glTF scenes ({}) and what they name. Exporters save the scene, its buffers and its images one "
      "after "
      "the\n"
      "# other: a change waits until all have been quiet for settle_ms.\n"
      "[[rule]]\nname = \"gltf\"\nmatch = {}\nsettle_ms = 100\nreferences = [{{ scanner = \"gltf\" }}]\n",
      count_of(found.files, "file"), patterns_of(found.extensions));
}

std::string obj_copy_text(const folder_survey& survey, bool with_models) {
  const auto found =
      find_format(survey, with_models ? obj_extensions : std::vector<std::string_view>{".mtl"});
  if (!find_format(survey, {".mtl"}).any()) return {};
  return fmt::format(
      "\n# Wavefront {} ({}).\n"
      "[[rule]]\nname = \"{}\"\nmatch = {}\nsettle_ms = 100\nreferences = [{{ scanner = \"obj\" }}]\n",
      with_models ? "models and their materials" : "materials", count_of(found.files, "file"),
      with_models ? "obj" : "materials", patterns_of(found.extensions));
}

std::string meshes_text(const folder_survey& survey) {
  const auto found = find_models(survey);
  if (!found.any()) return {};
  const bool active = makes_meshes(survey);
  const auto text = text_of(
      survey,
      {.title = "Models",
       .rule = "meshes",
       .transform = "mesh",
       .found = found,
       .patterns = patterns_of(found.extensions),
       .remark = "# Exporters save a scene, its buffers and its images one after the other: a change waits "
                 "until all\n# have been quiet for settle_ms. The format: docs/formats/mesh.md\n",
       .settings = "settle_ms = 100\n",
       .active = active});
  if (active) return text + obj_copy_text(survey, false);
  return text + gltf_copy_text(survey) + obj_copy_text(survey, true);
}

/// Many programs load images as they are; where there are models that become meshes, or TGA files, which are
/// for tools, these are sources.
std::string textures_text(const folder_survey& survey) {
  const auto found = find_for(survey, "texture");
  if (!found.any()) return {};
  const bool models = find_models(survey).any(), meshes = makes_meshes(survey);
  const bool sources = meshes || (!models && find_format(survey, {".tga"}).any());
  return text_of(survey, {.title = "Textures",
                          .rule = "textures",
                          .transform = "texture",
                          .found = found,
                          .patterns = patterns_of(found.extensions),
                          .active = sources && !is_named(survey, found)});
}

/// Ogg files are small already, and programs load them as they are.
std::string sounds_text(const folder_survey& survey) {
  const auto found = find_for(survey, "audio", {".ogg"});
  if (!found.any()) return {};
  const bool ogg = find_format(survey, {".ogg"}).any();
  return text_of(
      survey, {.title = "Sounds",
               .rule = "sounds",
               .transform = "audio",
               .found = found,
               .patterns = patterns_of(found.extensions),
               .remark = ogg ? "# *.ogg is not among them: to encode it once more would lose quality.\n" : "",
               .active = !is_named(survey, found)});
}

std::string shader_copy_text(const format_found& found, std::string_view name) {
  if (!found.any()) return {};
  return fmt::format(
      "\n# Shaders ({}) and what they #include. Further folders: search = [\"shaders/include\"].\n"
      "[[rule]]\nname = \"{}\"\nmatch = {}\nreferences = [{{ scanner = \"glsl\" }}]\n",
      count_of(found.files, "file"), name, patterns_of(found.extensions));
}

/// Compiled only where all that were looked at are written for SPIR-V: older GLSL is compiled by the driver.
std::string shaders_text(const folder_survey& survey) {
  const auto all = find_format(survey, shader_extensions);
  if (!all.any()) return {};
  auto stages = find_format(survey, stage_extensions);
  stages.files += survey.staged_glsl;
  const bool named = is_named(survey, stages) || (survey.staged_glsl > 0 && survey.staged_glsl_named);
  const bool active = stages.any() && !survey.driver_glsl && !named;
  std::vector<std::string> patterns;
  for (const auto& extension : stages.extensions) patterns.push_back("*" + extension);
  if (find_format(survey, {".glsl"}).any()) patterns.emplace_back(built_in("shader").matches.back());
  if (patterns.empty()) return shader_copy_text(all, "shaders");
  const auto text = text_of(survey, {.title = "Shaders",
                                     .rule = "compiled-shaders",
                                     .transform = "shader",
                                     .found = stages.any() ? stages : all,
                                     .patterns = list_of(patterns),
                                     .active = active,
                                     .instead = true});
  if (!active) return text + shader_copy_text(all, "shaders");
  return text + shader_copy_text(find_where(survey,
                                            [](const std::string& extension) {
                                              return contains(shader_extensions, extension) &&
                                                     !contains(stage_extensions, extension);
                                            }),
                                 "shader-includes");
}

/// Only proposed: what a program reads of such files may be anything, and how it is called.
std::string texts_text(const folder_survey& survey) {
  const auto found = find_for(survey, "text");
  if (!found.any()) return {};
  return text_of(survey, {.title = "Texts",
                          .rule = "texts",
                          .transform = "text",
                          .found = found,
                          .patterns = patterns_of(found.extensions),
                          .active = false});
}

std::string archives_text(const folder_survey& survey) {
  const auto found = find_for(survey, "archive");
  if (!found.any()) return {};
  return text_of(survey, {.title = "Archives",
                          .rule = "archives",
                          .transform = "archive",
                          .found = found,
                          .patterns = patterns_of(found.extensions),
                          .active = false});
}

std::string s_expression_text(const folder_survey& survey) {
  std::vector<std::string> extensions;
  for (const auto& extension : survey.s_expression_extensions) {
    const auto lower = lower_case(extension);
    const bool taken = contains(gltf_extensions, lower) || contains(obj_extensions, lower) ||
                       contains(shader_extensions, lower);
    if (!taken) extensions.push_back(extension);
  }
  if (extensions.empty()) return {};
  std::string named = "png|jpe?g|webp|tga|svg|ogg|wav|mp3|flac|ttf|otf";
  for (const auto& extension : extensions) named += "|" + extension.substr(1);
  return fmt::format(
      "\n# S-expressions that name other files. The pattern steps over comments and other strings; a name is "
      "looked\n"
      "# for beside the file, then from the root.\n"
      "[[rule]]\nname = \"s-expressions\"\nmatch = {}\n"
      "references = [{{ pattern = ';[^\\n]*|\"([^\"\\\\\\n]+\\.(?:{}))\"|\"(?:[^\"\\\\]|\\\\.)*\"', search = "
      "[\".\"] }}]\n",
      patterns_of(extensions), named);
}

/// Only a hint: whether and with what they are compiled, the folder does not say.
std::string compile_text(const folder_survey& survey) {
  const auto c = find_format(survey, {".c"});
  const auto cpp = find_format(survey, {".cc", ".cpp", ".cxx"});
  if (c.files + cpp.files == 0) return {};
  const auto& found = c.files >= cpp.files ? c : cpp;
  return fmt::format(
      "\n# Sources for a compiler ({}). To compile each, again whenever what it #includes changes:\n"
      "#\n"
      "# [[rule]]\n# name = \"compile\"\n# match = {}\n# outputs = \"{{dir}}/{{stem}}.o\"\n# [rule.command]\n"
      "# argv = [\"{}\", \"-c\", \"-I.\", \"-MD\", \"-MF\", \"{{depfile}}\", \"-o\", \"{{out}}\", "
      "\"{{in}}\"]\n"
      "# inputs = [\"*.h\", \"*.hpp\"]    # what it may read\n"
      "# depfile = \"{{stem}}.d\"         # what it did read\n",
      count_of(c.files + cpp.files, "file"), patterns_of(found.extensions),
      c.files >= cpp.files ? "cc" : "c++");
}

}  // namespace

std::string count_of(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string_view product_of_extension(std::string_view extension) {
  const auto lower = lower_case(std::string(extension));
  for (const auto* what : built_in_transforms()) {
    const auto output = what->outputs.front();
    const bool named_by_stem = output.starts_with("{dir}/{stem}.") && output.find("{ext}") == output.npos;
    if (named_by_stem && (output.substr(output.rfind('.')) == lower || takes(*what, lower)))
      return what->name;
  }
  return {};
}

std::string rules_text_for(const folder_survey& survey) {
  return meshes_text(survey) + textures_text(survey) + shaders_text(survey) + sounds_text(survey) +
         s_expression_text(survey) + texts_text(survey) + archives_text(survey) + compile_text(survey);
}

}  // namespace graphite
