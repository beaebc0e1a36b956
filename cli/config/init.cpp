#include "cli/config/init.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "cli/config/project_file.hpp"
#include "core/logical_path.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

std::string lower_case(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

const std::vector<std::string_view> gltf_extensions{".gltf", ".glb"};
const std::vector<std::string_view> obj_extensions{".obj", ".mtl"};
const std::vector<std::string_view> shader_extensions{".glsl", ".vert", ".frag",    ".geom", ".comp",
                                                      ".tesc", ".tese", ".glslinc", ".hlsl"};

bool contains(const std::vector<std::string_view>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

/// The extensions of the survey that are, whatever their case, among `wanted`; with their files' number.
struct format_found {
  std::vector<std::string> extensions;
  std::size_t files = 0;
};

format_found find_format(const folder_survey& survey, const std::vector<std::string_view>& wanted) {
  format_found out;
  for (const auto& [extension, count] : survey.extensions) {
    if (!contains(wanted, lower_case(extension))) continue;
    out.extensions.push_back(extension);
    out.files += count;
  }
  return out;
}

std::string list_of(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) out += fmt::format("{}\"{}\"", out.size() == 1 ? "" : ", ", text);
  return out + "]";
}

std::string count_of(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string patterns_of(const std::vector<std::string>& extensions) {
  std::vector<std::string> out;
  for (const auto& extension : extensions) out.push_back("*" + extension);
  return list_of(out);
}

std::string head_text(const folder_survey& survey, const std::string& name) {
  std::string out =
      "# The project file of GRAPHITE. Every table and key: docs/project-file.md.\n"
      "# Sources that no rule below takes are assets as they are.\n\n[project]\n";
  const bool writable =
      !name.empty() && name.size() <= 128 && is_utf8(name) &&
      std::none_of(name.begin(), name.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
  std::string quoted;
  for (const char c : name) quoted.append(c == '"' || c == '\\' ? "\\" : "").push_back(c);
  out += writable ? fmt::format("name = \"{}\"\n", quoted) : "name = \"project\"\n";
  out += fmt::format("\n[sources]\n# Found: {}{} in {}.\n", survey.complete ? "" : "at least ",
                     count_of(survey.files, "file"), count_of(survey.folders, "folder"));
  out += "# include = [\"**\"]  # everything, unless said otherwise\n";
  return out;
}

std::string sources_text(const folder_survey& survey) {
  std::string out =
      "ignore = [\n  # what editors and desktops leave behind\n"
      "  \"*~\", \"*.swp\", \"*.swx\", \".#*\", \"*.tmp\", \"*.part\", \".DS_Store\", \"Thumbs.db\", "
      "\"desktop.ini\",\n";
  if (!survey.generated_folders.empty()) out += "  # made by other programs\n";
  for (const auto& name : survey.generated_folders) out += fmt::format("  \"**/{}/**\",\n", name);
  out += "]\n";
  out += survey.git ? "gitignore = true  # what git ignores is no source\n"
                    : "# gitignore = true  # .gitignore files are honoured, unless this is false\n";
  return out;
}

std::string gltf_text(const folder_survey& survey) {
  const auto found = find_format(survey, gltf_extensions);
  if (found.files == 0) return {};
  return fmt::format(
      "\n# glTF scenes ({}). Exporters save the scene, its buffers and its images one after the "
      "other:\n"
      "# a change waits until all have been quiet for settle_ms.\n"
      "[[rule]]\nname = \"gltf\"\nmatch = {}\nsettle_ms = 100\nreferences = [{{ scanner = \"gltf\" }}]\n",
      count_of(found.files, "file"), patterns_of(found.extensions));
}

std::string obj_text(const folder_survey& survey) {
  const auto found = find_format(survey, obj_extensions);
  // Object files of compilers have the same extension as models, but no material libraries beside them.
  if (find_format(survey, {".mtl"}).files == 0) return {};
  return fmt::format(
      "\n# Wavefront models and their materials ({}).\n"
      "[[rule]]\nname = \"obj\"\nmatch = {}\nsettle_ms = 100\nreferences = [{{ scanner = \"obj\" }}]\n",
      count_of(found.files, "file"), patterns_of(found.extensions));
}

std::string glsl_text(const folder_survey& survey) {
  const auto found = find_format(
      survey, {".glsl", ".vert", ".frag", ".geom", ".comp", ".tesc", ".tese", ".glslinc", ".hlsl"});
  if (found.files == 0) return {};
  return fmt::format(
      "\n# Shaders ({}) and what they #include. Further folders: search = [\"shaders/include\"].\n"
      "[[rule]]\nname = \"shaders\"\nmatch = {}\nreferences = [{{ scanner = \"glsl\" }}]\n",
      count_of(found.files, "file"), patterns_of(found.extensions));
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

constexpr std::string_view tail_text = R"(
# A rule that runs a program on each source it takes:
#
# [[rule]]
# name = "compress-text"
# match = "**/*.txt"
# outputs = "{dir}/{name}.gz"
# [rule.command]
# argv = ["sh", "-c", "gzip -9 -n < \"$1\" > \"$2\"", "sh", "{in}", "{out}"]

# [watch]
# debounce = "50 ms"    # deletions wait this long for the file to come back
# max_delay = "2 s"     # nothing waits longer
)";

std::vector<std::string> notes_of(const folder_survey& survey, const init_options& options) {
  std::vector<std::string> out;
  out.push_back(fmt::format("{} in {}, {:.1f} MB", count_of(survey.files, "file"),
                            count_of(survey.folders, "folder"), static_cast<double>(survey.bytes) / 1e6));
  const auto note = [&](std::size_t count, std::string_view what) {
    if (count != 0) out.push_back(fmt::format("{} {}", count, what));
  };
  if (!survey.complete)
    out.push_back(
        fmt::format("only the first {} files and folders, {} deep, were looked at: look through the rules",
                    options.entries_max, options.depth_max));
  note(survey.links, "symbolic links: followed by a build where they stay inside the folder");
  note(survey.skipped_odd_names,
       "names are not UTF-8 or have a control character or backslash: a build leaves them out");
  note(survey.skipped_special, "FIFOs, sockets or devices: a build leaves them out");
  note(survey.unreadable, "files or folders could not be read");
  for (const auto& name : survey.generated_folders) out.push_back(fmt::format("{} is ignored", name));
  return out;
}

/// Writes a file that must not exist yet; takes it away again where that fails.
result<void> write_new(const std::string& file, const std::string& text) {
  // "x": whoever is there first stays, a link that leads nowhere included.
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(file.c_str(), "wxe"), &std::fclose);
  if (!out && errno == EEXIST)
    return fail(errc::already_exists,
                fmt::format("{} exists and is left as it is: remove it first to start anew", file));
  if (!out) return fail_errno(errno, file);
  const bool written =
      std::fwrite(text.data(), 1, text.size(), out.get()) == text.size() && std::fflush(out.get()) == 0;
  if (written) return {};
  const int reason = errno;
  std::remove(file.c_str());
  return fail_errno(reason, file);
}

}  // namespace

std::string project_text_for(const folder_survey& survey, const std::string& name) {
  return head_text(survey, name) + sources_text(survey) + gltf_text(survey) + obj_text(survey) +
         glsl_text(survey) + s_expression_text(survey) + compile_text(survey) + std::string(tail_text);
}

result<init_outcome> init_project(const init_options& options) {
  std::error_code code;
  auto folder = fs::absolute(options.folder, code).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  const auto file = (folder / project_file_name).string();
  if (fs::exists(fs::symlink_status(file, code)))
    return fail(errc::already_exists,
                fmt::format("{} exists and is left as it is: remove it first to start anew", file));
  GRAPHITE_TRY(const auto survey, survey_folder(options));
  const auto text = project_text_for(survey, folder.filename().string());
  GRAPHITE_INVARIANT(parse_project(text, {file, {}, "/"}).mistakes.empty());
  GRAPHITE_CHECK(write_new(file, text));
  init_outcome out{file, notes_of(survey, options)};
  if (const auto above = find_project_file(folder.parent_path().string()); above && *above != file)
    out.notes.push_back(fmt::format("{} is a project too and has this folder among its sources", *above));
  return out;
}

}  // namespace graphite
