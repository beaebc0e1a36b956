#include "platform/sandbox/sandbox_view.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "core/path_text.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;
using kind = view_part::kind;

constexpr std::array<const char*, 3> store_folders{"/usr", "/nix/store", "/gnu/store"};
constexpr std::array<const char*, 6> linked_folders{"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
constexpr std::array<const char*, 5> devices{"null", "zero", "full", "random", "urandom"};

/// Of /etc and /var: how this machine is set up, and nobody's secrets.
constexpr std::array settings{
    "/etc/alternatives",     "/etc/ld.so.cache", "/etc/passwd",       "/etc/group",
    "/etc/nsswitch.conf",    "/etc/localtime",   "/etc/locale.alias", "/etc/fonts",
    "/etc/mime.types",       "/etc/magic",       "/etc/mono",         "/etc/OpenCL",
    "/etc/vulkan",           "/etc/texmf",       "/etc/ssl/certs",    "/etc/ssl/openssl.cnf",
    "/var/cache/fontconfig", "/var/lib/texmf"};
/// Of /etc, by the beginning of the name: versions follow.
constexpr std::array<std::string_view, 4> versioned_settings{"java", "python", "perl", "ImageMagick"};

/// Shared by everybody: nobody's tools' own.
constexpr std::array<std::string_view, 13> common_folders{"/",     "/tmp",  "/var/tmp", "/dev",  "/dev/shm",
                                                          "/home", "/root", "/etc",     "/proc", "/sys",
                                                          "/run",  "/var",  "/opt"};

bool exists(const std::string& path) {
  struct stat state {};
  return ::stat(path.c_str(), &state) == 0;
}

void add_linked_folders(sandbox_view& out) {
  for (const std::string path : linked_folders) {
    std::error_code code;
    const auto target = fs::read_symlink(path, code);
    if (!code)
      out.push_back({kind::link, target.string(), path});
    else if (exists(path))
      out.push_back({kind::read, path, path});
  }
}

void add_settings(sandbox_view& out) {
  for (const std::string path : settings)
    if (exists(path)) out.push_back({kind::read, path, path});
  std::error_code code;
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator("/etc", code)) {
    const auto name = entry.path().filename().string();
    if (std::ranges::any_of(versioned_settings, [&](auto start) { return name.starts_with(start); }))
      found.push_back(entry.path().string());
  }
  std::ranges::sort(found);
  for (const auto& path : found)
    if (exists(path)) out.push_back({kind::read, path, path});
}

bool is_common(std::string_view folder) {
  return std::ranges::find(common_folders, folder) != common_folders.end();
}

std::string parent_of(const std::string& path) { return fs::path(path).parent_path().string(); }

bool holds_private(const std::string& folder, const hidden_folders& hidden) {
  const auto near = [&](const std::string& one) {
    return !one.empty() && (is_at_or_below(folder, one) || is_at_or_below(one, folder));
  };
  return near(hidden.home) || std::ranges::any_of(hidden.projects, near);
}

/// The folder to show for a program; empty: only the file.
std::string folder_to_show(const std::string& file, const hidden_folders& hidden) {
  const auto folder = parent_of(file), above = parent_of(folder);
  const bool programs = fs::path(folder).filename() == "bin";
  if (is_common(folder)) return {};
  // A user's programs, and nothing beside them: what lies there are his keys.
  if (holds_private(folder, hidden)) {
    const bool of_project = std::ranges::any_of(hidden.projects, [&](const std::string& one) {
      return is_at_or_below(folder, one) || is_at_or_below(one, folder);
    });
    return programs && !of_project && is_at_or_below(folder, hidden.home) ? folder : std::string();
  }
  return programs && !is_common(above) && !holds_private(above, hidden) ? above : folder;
}

}  // namespace

sandbox_view system_view() {
  sandbox_view out;
  for (const std::string path : store_folders)
    if (exists(path)) out.push_back({kind::read, path, path});
  add_linked_folders(out);
  add_settings(out);
  for (const std::string name : devices) out.push_back({kind::device, "/dev/" + name, "/dev/" + name});
  for (const auto& [from, to] : {std::pair{"/proc/self/fd", "/dev/fd"},
                                 {"/proc/self/fd/0", "/dev/stdin"},
                                 {"/proc/self/fd/1", "/dev/stdout"},
                                 {"/proc/self/fd/2", "/dev/stderr"}})
    out.push_back({kind::link, from, to});
  out.push_back({kind::processes, {}, "/proc"});
  out.push_back({kind::memory, {}, "/dev/shm"});
  return out;
}

bool shows(const sandbox_view& view, std::string_view path) {
  return std::ranges::any_of(view, [&](const view_part& one) {
    const bool readable = one.what == kind::read || one.what == kind::write;
    return readable && one.from == one.to && is_at_or_below(path, one.to);
  });
}

sandbox_view tool_view(const sandbox_view& view, const std::string& file, const std::string& real,
                       const hidden_folders& hidden) {
  sandbox_view out;
  for (const auto& one : {real, file}) {
    if (shows(view, one) || shows(out, one)) continue;
    const auto folder = folder_to_show(one, hidden);
    const auto& shown = folder.empty() ? one : folder;
    out.push_back({kind::read, shown, shown});
  }
  return out;
}

std::vector<std::string> to_arguments(std::span<const view_part> view) {
  std::vector<std::string> out;
  for (const auto& one : view) {
    switch (one.what) {
      case kind::read:
        out.insert(out.end(), {"--ro-bind", one.from, one.to});
        break;
      case kind::write:
        out.insert(out.end(), {"--bind", one.from, one.to});
        break;
      case kind::device:
        out.insert(out.end(), {"--dev-bind", one.from, one.to});
        break;
      case kind::link:
        out.insert(out.end(), {"--symlink", one.from, one.to});
        break;
      case kind::memory:
        out.insert(out.end(), {"--tmpfs", one.to});
        break;
      case kind::processes:
        out.insert(out.end(), {"--proc", one.to});
        break;
      case kind::folder:
        out.insert(out.end(), {"--dir", one.to});
        break;
    }
  }
  return out;
}

}  // namespace graphite
