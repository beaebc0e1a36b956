#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "cli/config/init.hpp"
#include "cli/config/init_rules.hpp"
#include "core/logical_path.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

/// Made by other programs from other files: nobody's source, whatever the project.
constexpr std::string_view generated_names[] = {"node_modules", "__pycache__", ".venv", ".cache",
                                                ".gradle",      ".idea",       ".vs",   ".godot",
                                                ".import",      ".svn",        ".hg"};
constexpr std::size_t extension_bytes_max = 16, samples_per_extension_max = 3, extensions_max = 1'000;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// With its dot; empty where there is none or it is nothing to write into a pattern.
std::string extension_of(const std::string& name) {
  const auto dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0) return {};
  const auto out = name.substr(dot);
  const bool plain =
      out.size() > 1 && out.size() <= extension_bytes_max &&
      std::all_of(out.begin() + 1, out.end(), [](char c) { return is_letter_or_digit(c) || c == '_'; });
  return plain ? out : std::string();
}

/// Behind blanks and `;` comments stands a list that begins with a word.
bool begins_as_s_expression(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (text.empty() || text.front() != ';') break;
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
  return text.size() > 1 && text[0] == '(' &&
         ((text[1] >= 'a' && text[1] <= 'z') || (text[1] >= 'A' && text[1] <= 'Z'));
}

bool names_one(std::string_view text, std::string_view extension) {
  for (auto at = text.find(extension); at != std::string_view::npos; at = text.find(extension, at + 1)) {
    const auto end = at + extension.size();
    if (end < text.size() && (text[end] == '"' || text[end] == '\'')) return true;
  }
  return false;
}

bool names_media(std::string_view text) {
  for (const auto* extension : {".png", ".jpg", ".jpeg", ".webp", ".tga", ".ogg", ".wav", ".mp3", ".flac"})
    if (names_one(text, extension)) return true;
  return false;
}

/// What such files name is what their own transforms follow.
bool is_scene(std::string_view extension) {
  return extension == ".gltf" || extension == ".glb" || extension == ".mtl" || extension == ".obj";
}

constexpr std::array shader_stages{".vert", ".frag", ".comp", ".geom", ".tesc", ".tese"};

bool is_shader_stage(std::string_view extension) {
  return std::ranges::find(shader_stages, extension) != shader_stages.end();
}

/// GLSL as SPIR-V takes it: of a version that has what it needs, and with the places of what it binds.
bool is_for_spirv(std::string_view text) {
  const auto at = text.find("#version");
  if (at == std::string_view::npos || text.find("layout") == std::string_view::npos) return false;
  const auto line = text.substr(at, text.find('\n', at) - at);
  for (const auto* version : {" 450", " 460", " 310 es", " 320 es"})
    if (line.find(version) != std::string_view::npos) return true;
  return false;
}

class survey_walk {
 public:
  explicit survey_walk(const init_options& options) : options_(options) {}

  result<folder_survey> run() {
    std::error_code code;
    if (!fs::is_directory(options_.folder, code))
      return fail(errc::not_found, fmt::format("there is no folder {}", options_.folder));
    // An explicit stack: a hostile tree must not use up ours.
    pending_.push_back({options_.folder, 0});
    while (!pending_.empty() && !full()) {
      auto [folder, depth] = std::move(pending_.back());
      pending_.pop_back();
      if (!look_into(folder, depth) && depth == 0)
        return fail(errc::permission_denied, fmt::format("cannot read the folder {}", options_.folder));
    }
    if (!pending_.empty()) out_.complete = false;
    return std::move(out_);
  }

 private:
  bool full() const { return seen_ >= options_.entries_max; }

  bool look_into(const fs::path& folder, std::size_t depth) {
    std::error_code code;
    fs::directory_iterator it(folder, code);
    if (code) return ++out_.unreadable, false;
    stems_.clear();
    for (const fs::directory_iterator end; it != end; it.increment(code)) {
      if (code) return ++out_.unreadable, true;
      if (full()) return out_.complete = false, true;
      ++seen_;
      look_at(*it, depth);
    }
    return true;
  }

  void look_at(const fs::directory_entry& entry, std::size_t depth) {
    const auto name = entry.path().filename().string();
    if (!logical_path::parse(name)) return void(++out_.skipped_odd_names);
    std::error_code code;
    const auto status = entry.symlink_status(code);
    if (code) return void(++out_.unreadable);
    switch (status.type()) {
      case fs::file_type::directory:
        return look_at_folder(entry.path(), name, depth);
      case fs::file_type::regular:
        return look_at_file(entry, name);
      case fs::file_type::symlink:
        return void(++out_.links);
      default:
        return void(++out_.skipped_special);
    }
  }

  void look_at_folder(const fs::path& path, const std::string& name, std::size_t depth) {
    if (name == ".git") return void(out_.git = true);
    if (name == ".graphite") return;
    if (std::find(std::begin(generated_names), std::end(generated_names), name) != std::end(generated_names))
      return void(out_.generated_folders.insert(name));
    ++out_.folders;
    if (depth + 1 > options_.depth_max) return void(out_.complete = false);
    pending_.push_back({path, depth + 1});
  }

  void look_at_file(const fs::directory_entry& entry, const std::string& name) {
    ++out_.files;
    std::error_code code;
    if (const auto bytes = entry.file_size(code); !code) out_.bytes += bytes;
    const auto extension = extension_of(name);
    if (extension.empty() ||
        (out_.extensions.size() >= extensions_max && !out_.extensions.contains(extension)))
      return;
    const auto count = ++out_.extensions[extension];
    // As the transform's pattern has it: in small letters.
    const bool staged =
        extension == ".glsl" && is_shader_stage(extension_of(name.substr(0, name.size() - extension.size())));
    out_.staged_glsl += staged;
    note_product(name, extension);
    if ((staged ? out_.staged_glsl : count) <= samples_per_extension_max && samples_ < options_.samples_max)
      sample(entry.path(), extension, staged || is_shader_stage(case_fold(extension)));
  }

  /// Two files of a folder, `a.png` and `a.tga`, would both become `a.ktx2`.
  void note_product(const std::string& name, const std::string& extension) {
    auto known = products_.find(extension);
    if (known == products_.end()) known = products_.emplace(extension, product_of_extension(extension)).first;
    if (known->second.empty()) return;
    auto stem = name.substr(0, name.size() - extension.size());
    if (!stems_.emplace(known->second, std::move(stem)).second) out_.twins.emplace(known->second);
  }

  void sample(const fs::path& path, const std::string& extension, bool shader) {
    ++samples_;
    std::ifstream in(path, std::ios::binary);
    std::string text(options_.sample_bytes_max, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    if (begins_as_s_expression(text) && names_media(text)) out_.s_expression_extensions.insert(extension);
    if (shader && !is_for_spirv(text)) out_.driver_glsl = true;
    if (is_scene(case_fold(extension))) return;
    for (const auto* named : {".png", ".jpg", ".jpeg", ".tga", ".wav", ".flac", ".aiff", ".aif", ".gltf",
                              ".glb", ".obj", ".vert", ".frag", ".comp", ".geom", ".tesc", ".tese"})
      if (names_one(text, named)) out_.named_extensions.insert(named);
    for (const auto* stage : shader_stages)
      if (names_one(text, std::string(stage) + ".glsl")) out_.staged_glsl_named = true;
  }

  const init_options& options_;
  folder_survey out_;
  std::vector<std::pair<fs::path, std::size_t>> pending_;
  std::map<std::string, std::string_view> products_;          ///< extension → product_of_extension()
  std::set<std::pair<std::string_view, std::string>> stems_;  ///< of the folder that is looked into
  std::size_t seen_ = 0, samples_ = 0;
};

}  // namespace

result<folder_survey> survey_folder(const init_options& options) { return survey_walk(options).run(); }

}  // namespace graphite
