#include "cli/config/project_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace graphite {

namespace {

namespace fs = std::filesystem;

result<std::string> read_text(const std::string& file) {
  std::error_code code;
  if (!fs::is_regular_file(file, code)) return fail(errc::invalid_argument, file + " is no regular file");
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail_errno(errno, file);
  std::string out(project_file_bytes_max + 1, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  if (in.bad()) return fail(errc::io, "cannot read " + file);
  out.resize(static_cast<std::size_t>(in.gcount()));
  if (out.size() > project_file_bytes_max) return fail(errc::too_large, file + " is over 4 MiB");
  return out;
}

}  // namespace

result<std::string> find_project_file(const std::string& from) {
  std::error_code code;
  const auto start = fs::absolute(from, code).lexically_normal();
  if (code) return fail_errno(code.value(), from);
  const auto status = fs::status(start, code);
  if (!fs::exists(status)) return fail(errc::not_found, fmt::format("there is no {}", start.string()));
  if (!fs::is_directory(status)) return start.string();
  for (auto folder = start;; folder = folder.parent_path()) {
    if (const auto file = folder / project_file_name; fs::exists(file, code))
      return file.lexically_normal().string();
    if (folder == folder.parent_path()) break;
  }
  return fail(errc::not_found,
              fmt::format("there is no {} in {} or above it: run 'graphite init {}' to write one",
                          project_file_name, start.string(), from));
}

result<project> load_project(const load_options& options) {
  GRAPHITE_TRY(const auto file, find_project_file(options.from));
  GRAPHITE_TRY(const auto text, read_text(file));
  std::error_code code;
  const auto here = fs::current_path(code);
  const auto is_folder = [](const std::string& folder) {
    std::error_code unknown;
    return fs::is_directory(folder, unknown) || unknown == std::errc::permission_denied;
  };
  auto parsed = parse_project(text, {file, options.state, code ? "/" : here.string(), is_folder});
  if (!parsed.value) return fail(errc::invalid_argument, render(parsed.mistakes));
  return *std::move(parsed.value);
}

}  // namespace graphite
