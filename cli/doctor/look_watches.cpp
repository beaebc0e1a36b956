#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cli/doctor/look.hpp"
#include "cli/doctor/open_files.hpp"
#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite::doctor {

namespace {

std::uint64_t watches_in(const std::string& details) {
  std::uint64_t out = 0;
  for (std::size_t at = details.find("inotify wd:"); at != std::string::npos;
       at = details.find("inotify wd:", at + 1))
    ++out;
  return out;
}

bool is_of_this_user(int process) {
  struct ::stat seen {};
  return ::stat(("/proc/" + std::to_string(process)).c_str(), &seen) == 0 && seen.st_uid == ::geteuid();
}

/// A service of the project holds watches that it will not need once more.
bool is_ours(const std::string& program) { return program.starts_with("graphite"); }

}  // namespace

watch_report look_at_watches(const std::optional<std::uint64_t>& project_folders) {
  watch_report out{.project_folders = project_folders};
  const std::string folder = "/proc/sys/fs/inotify/";
  out.watches_max = kernel_number(folder + "max_user_watches");
  out.instances_max = kernel_number(folder + "max_user_instances");
  out.queued_max = kernel_number(folder + "max_queued_events");
  for_each_open_file([&](const seen_file& seen) {
    if (seen.what != "anon_inode:inotify" || is_ours(seen.program) || !is_of_this_user(seen.process)) return;
    ++out.instances_used;
    out.watches_used += watches_in(kernel_text(seen.details));
  });
  const owned_fd instance(::inotify_init1(IN_CLOEXEC));
  if (!instance)
    out.instance_refused = errno_error(errno, "inotify_init1").context;
  else if (::inotify_add_watch(instance.get(), "/", IN_DELETE_SELF) < 0)
    out.watch_refused = errno_error(errno, "inotify_add_watch").context;
  return out;
}

}  // namespace graphite::doctor
