#include "cli/doctor/folder_checks.hpp"

#include <fmt/format.h>

#include "core/units.hpp"

namespace graphite::doctor {

namespace {

constexpr std::uint64_t state_bytes_least = 64 * MiB, state_bytes_enough = 2 * GiB;
constexpr std::uint64_t temporary_bytes_enough = 256 * MiB, scratch_bytes_enough = 256 * MiB;
constexpr std::uint64_t files_enough_free = 10'000;

std::string about(const folder_facts& facts) {
  return fmt::format("{} on {}, {} free", facts.path,
                     facts.type.empty() ? "an unknown file system" : facts.type,
                     text_of_bytes(facts.free_bytes));
}

finding judge_project(const folder_report& facts) {
  if (facts.project_file && !facts.mistakes.empty())
    return bad("project", fmt::format("{} cannot be used: {}", *facts.project_file, facts.mistakes),
               "Correct it: `graphite build` shows each mistake where it is.");
  if (facts.project_file) return ok("project", *facts.project_file);
  return note("project", "the project's checks are left out: " + facts.no_project,
              "Run `graphite doctor -C DIR` with the folder of a project to have its folders looked at.");
}

finding judge_sources(const folder_facts& facts) {
  if (facts.network.empty()) return ok("project_folder", about(facts));
  return warning(
      "project_folder",
      fmt::format("{}: {} does not tell of changes made on other machines, so the project is polled",
                  about(facts), facts.network),
      "Work in a clone on a local disk; in a container mount a folder of the host's own disk.");
}

/// Where it cannot be used as it is; or none.
std::optional<finding> unusable_state(const folder_facts& facts) {
  if (!facts.refused.empty())
    return bad("state_folder", fmt::format("{}: cannot be written: {}", about(facts), facts.refused),
               "Make it writable for this user, or name another with `--state DIR` or GRAPHITE_STATE; in a "
               "container mount a volume there.");
  if (facts.free_bytes < state_bytes_least)
    return bad(
        "state_folder", about(facts) + ": next to nothing can be built",
        "Free space there (`graphite gc` drops what only the cache keeps), or name another folder with "
        "`--state DIR`.");
  return std::nullopt;
}

finding judge_state(const folder_facts& facts) {
  if (auto found = unusable_state(facts)) return *found;
  if (!facts.network.empty())
    return warning(
        "state_folder",
        fmt::format("{}: over {} locks and syncs are slow or not kept", about(facts), facts.network),
        "Name a folder on a local disk with `--state DIR` or GRAPHITE_STATE.");
  if (facts.free_bytes < state_bytes_enough)
    return warning("state_folder", about(facts) + ": a cache of usual size does not fit",
                   "Free space there, or give `cache_max` of the project a smaller value.");
  if (facts.free_files && *facts.free_files < files_enough_free)
    return warning(
        "state_folder", fmt::format("{}, but only {} more files (inodes)", about(facts), *facts.free_files),
        "Delete small files there, or make the file system anew with more inodes (`mkfs.ext4 -i`).");
  if (facts.type == "tmpfs" || facts.type == "ramfs")
    return note("state_folder", about(facts) + ": the cache is lost when the machine ends",
                "Name a folder on a disk with `--state DIR` or GRAPHITE_STATE.");
  if (facts.type == "overlay")
    return note("state_folder", about(facts) + ": the cache is lost with the container",
                "Mount a volume there: `docker run -v graphite-state:/state -e GRAPHITE_STATE=/state`.");
  return ok("state_folder", about(facts));
}

finding judge_temporary(const folder_facts& facts) {
  if (!facts.refused.empty())
    return warning("temporary_folder", fmt::format("{}: cannot be written: {}", about(facts), facts.refused),
                   "Let TMPDIR name a folder that this user may write; `docker run --tmpfs /tmp` where the "
                   "root is read-only.");
  if (facts.free_bytes < temporary_bytes_enough)
    return note("temporary_folder", about(facts) + ": little for tools that write there",
                "Free space there, or let TMPDIR name a larger folder.");
  return ok("temporary_folder", about(facts));
}

finding judge_scratch(const std::optional<folder_facts>& facts) {
  const char* const larger =
      "`docker run --shm-size 1g`; in Kubernetes an `emptyDir` of medium Memory at /dev/shm; elsewhere "
      "`mount "
      "-o remount,exec,size=1g /dev/shm` as root.";
  if (!facts || facts->type != "tmpfs")
    return note("scratch_memory", "/dev/shm is no tmpfs: actions work in the state folder",
                "`mount -t tmpfs tmpfs /dev/shm` as root, or go on: only small actions are slower.");
  if (!facts->refused.empty())
    return note("scratch_memory",
                fmt::format("{}: cannot be written: {}; actions work in the state folder", about(*facts),
                            facts->refused),
                "`chmod 1777 /dev/shm` as root.");
  if (facts->no_exec)
    return note("scratch_memory", about(*facts) + ", mounted noexec: actions work in the state folder",
                larger);
  if (facts->free_bytes < scratch_bytes_enough)
    return note("scratch_memory", about(*facts) + ": less than 256 MiB, so actions work in the state folder",
                larger);
  return ok("scratch_memory", about(*facts));
}

}  // namespace

findings judge_folders(const folder_report& facts) {
  findings out{judge_project(facts)};
  if (facts.project) out.push_back(judge_sources(*facts.project));
  if (facts.state) out.push_back(judge_state(*facts.state));
  out.push_back(judge_temporary(facts.temporary));
  out.push_back(judge_scratch(facts.scratch));
  return out;
}

}  // namespace graphite::doctor
