#include "cli/config/init.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "cli/config/init_rules.hpp"
#include "cli/config/project_file.hpp"
#include "core/logical_path.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

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
  return head_text(survey, name) + sources_text(survey) + rules_text_for(survey) + std::string(tail_text);
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
