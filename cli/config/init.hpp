#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/units.hpp"

namespace graphite {

struct init_options {
  std::string folder = ".";
  std::size_t entries_max = 200'000;  ///< files and folders looked at before the survey stops
  std::size_t depth_max = 64;
  std::size_t samples_max = 256;  ///< files opened to tell a format
  std::size_t sample_bytes_max = 64 * KiB;
};

/// What a folder holds, as far as `init` cares.
struct folder_survey {
  std::size_t files = 0, folders = 0;
  std::uint64_t bytes = 0;
  bool complete = true;                           ///< false: entries_max or depth_max was reached
  std::map<std::string, std::size_t> extensions;  ///< as written, with the dot, letters and digits → files
  std::set<std::string> generated_folders;        ///< names such as node_modules, at any depth: not entered
  bool git = false;
  std::size_t skipped_odd_names = 0, skipped_special = 0;  ///< not UTF-8, control characters; FIFOs, devices
  std::size_t links = 0, unreadable = 0;
  std::set<std::string> s_expression_extensions;  ///< of files that are s-expressions and name media files
  std::set<std::string> named_extensions;         ///< lower case: of media files that texts name, in quotes
  std::set<std::string> twins;     ///< transforms that two files of a folder with one stem would both have
  bool driver_glsl = false;        ///< a shader is not written for SPIR-V
  std::size_t staged_glsl = 0;     ///< files such as NAME.frag.glsl
  bool staged_glsl_named = false;  ///< by texts, in quotes
};

struct init_outcome {
  std::string file;                ///< absolute path of what was written
  std::vector<std::string> notes;  ///< for people: what was found, what was left out
};

/// Looks through `options.folder`, never outside it: links are not followed. Errors: not_found, io.
result<folder_survey> survey_folder(const init_options& options);

/// The text of a commented project file that fits `survey`; it loads without mistakes whatever the survey
/// says. Pure. `name` becomes the project's name as far as its characters allow.
std::string project_text_for(const folder_survey& survey, const std::string& name);

/// Surveys the folder and writes its graphite.toml. Errors: already_exists where there is one (it is left
/// alone), not_found, permission_denied, io.
result<init_outcome> init_project(const init_options& options);

}  // namespace graphite
