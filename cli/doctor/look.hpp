#pragma once

#include <string>

#include "cli/doctor/async_io_checks.hpp"
#include "cli/doctor/clock_checks.hpp"
#include "cli/doctor/folder_checks.hpp"
#include "cli/doctor/machine_layout.hpp"
#include "cli/doctor/port_checks.hpp"
#include "cli/doctor/processor_checks.hpp"
#include "cli/doctor/program_checks.hpp"
#include "cli/doctor/sandbox_checks.hpp"
#include "cli/doctor/watch_checks.hpp"

/// \file Looks at this machine: gathers what the checks judge. What cannot be looked at is told as such;
/// nothing here fails. Some functions try things out, and leave nothing behind.

namespace graphite::doctor {

/// Files of /proc and /sys.
std::string kernel_text(const std::string& path);  ///< without the line feed at its end; empty: not there
std::optional<std::uint64_t> kernel_number(const std::string& path);
/// The value of a line "NAME:\tVALUE" of /proc/self/status; empty: it has none.
std::string own_status(std::string_view name);

/// Of setrlimit(), such as RLIMIT_NOFILE.
resource_limit look_at_limit(int what);
/// Whether this process has a capability in force for the machine, by its number in capability.h: those that
/// a user namespace gives do not raise the machine's limits.
bool has_capability(unsigned number);
/// Whether user ids are the machine's: not within a user namespace, as rootless containers are.
bool has_machine_users();

/// A limit of the control groups: `file` of v2, or `old_file` of v1, of `controller`, and what is used of it.
struct group_limit_files {
  std::string_view controller, most, used, old_most, old_used;
};
group_limit look_at_group(const group_limit_files& files);

processor_report look_at_processors(pin_mode pinning);
/// Of all online processors; empty where /sys does not tell.
std::vector<processor_place> look_at_processor_places();
memory_report look_at_memory(std::size_t threads);
limit_report look_at_limits();
/// Sets up an io_uring and announces some buffers to it.
async_io_report look_at_async_io();
/// Forks children that try to be shut in. Before this process has threads.
sandbox_report look_at_sandbox();
/// Makes an inotify instance and a watch; goes through the open files of this user's processes. `project`:
/// what its folders are counted of.
watch_report look_at_watches(const std::optional<std::uint64_t>& project_folders);
/// The folders of the project that `directory` lies in, where it does. Writes nothing.
folder_report look_at_folders(const std::string& directory, const std::string& state);
/// How many folders a service watches of a project: all but ignored ones and the state folder.
std::optional<std::uint64_t> count_project_folders(const folder_report& folders);
clock_report look_at_clocks();
/// Listens on each port for a moment; goes through /proc for who has those that are taken.
std::vector<port_facts> look_at_ports();
/// Has graphite-worker run a small task.
program_report look_at_programs();

}  // namespace graphite::doctor
