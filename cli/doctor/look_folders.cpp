#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "actors/live_filter.hpp"
#include "cli/attach.hpp"
#include "cli/config/project_file.hpp"
#include "cli/doctor/look.hpp"
#include "cli/doctor/mounts.hpp"
#include "platform/linux/network_file_system.hpp"
#include "platform/linux/posix_file_reader.hpp"

namespace graphite::doctor {

namespace {

namespace fs = std::filesystem;

/// The folder itself, or the nearest one above it that is there; without links.
fs::path nearest_folder(const std::string& path) {
  std::error_code code;
  auto out = fs::absolute(path, code);
  while (!fs::is_directory(out, code) && out.has_relative_path()) out = out.parent_path();
  const auto real = fs::canonical(out, code);
  return code ? out : real;
}

folder_facts look_at_folder(const std::string& path) {
  folder_facts out{.path = path};
  const auto there = nearest_folder(path).string();
  out.type = mount_of(kernel_text("/proc/self/mountinfo"), there).type;
  if (::faccessat(AT_FDCWD, there.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    out.refused = errno_error(errno, there).context;
  struct ::statfs raw {};
  if (::statfs(there.c_str(), &raw) == 0) out.network = network_file_system(static_cast<long>(raw.f_type));
  struct ::statvfs space {};
  if (::statvfs(there.c_str(), &space) != 0) return out;
  out.free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
  if (space.f_files != 0) out.free_files = space.f_favail;
  out.no_exec = (space.f_flag & ST_NOEXEC) != 0;
  return out;
}

/// The source root that the project file names, or the file's own folder where it has a mistake.
folder_facts look_at_sources(folder_report& report, const std::string& file, const std::string& state) {
  const auto loaded = load_project({file, state});
  if (loaded) return look_at_folder(loaded->root);
  report.mistakes = loaded.error().context.substr(0, loaded.error().context.find('\n'));
  return look_at_folder(fs::path(file).parent_path().string());
}

/// Folders at and below `root` that a walk looks into.
template <class Prunes>
std::uint64_t count_folders(const std::string& root, const Prunes& prunes) {
  std::error_code code;
  std::uint64_t out = 1;
  fs::recursive_directory_iterator at(root, fs::directory_options::skip_permission_denied, code), end;
  while (!code && at != end) {
    if (at->is_directory(code) && !at->is_symlink(code)) {
      if (prunes(at->path().string()))
        at.disable_recursion_pending();
      else
        ++out;
    }
    at.increment(code);
  }
  return out;
}

}  // namespace

folder_report look_at_folders(const std::string& directory, const std::string& state) {
  folder_report out;
  if (const auto file = find_project_file(directory)) {
    out.project_file = *file;
    out.project = look_at_sources(out, *file, state);
  } else {
    out.no_project = file.error().context;
  }
  if (out.project_file || !state.empty())
    if (const auto folder = find_state_folder(directory, state)) out.state = look_at_folder(*folder);
  std::error_code code;
  const auto temporary = fs::temp_directory_path(code);
  out.temporary = look_at_folder(code ? "/tmp" : temporary.string());
  if (fs::is_directory("/dev/shm", code)) out.scratch = look_at_folder("/dev/shm");
  return out;
}

std::optional<std::uint64_t> count_project_folders(const folder_report& folders) {
  if (!folders.project_file || !folders.project || !folders.state) return std::nullopt;
  const auto& root = folders.project->path;
  const auto& state = folders.state->path;
  auto loaded = load_project({*folders.project_file, state});
  const auto files = posix_file_reader::open_root(root);
  if (!loaded || !files) return count_folders(root, [&](const std::string& path) { return path == state; });
  live_filter filter(std::make_shared<const project>(std::move(*loaded)), **files);
  filter.prunes("");
  return count_folders(root, [&](const std::string& path) {
    return path == state || filter.prunes(std::string_view(path).substr(root.size() + (root == "/" ? 0 : 1)));
  });
}

}  // namespace graphite::doctor
