#pragma once

#include <optional>

#include "cli/doctor/finding.hpp"

namespace graphite::doctor {

/// A folder and what it lies on. Of one that is not there yet: of the nearest one above it that is.
struct folder_facts {
  std::string path{};
  std::string type{};            ///< of the file system, as mountinfo has it: "ext4"; empty: not known
  std::string network{};         ///< what it is called where it does not tell of remote changes; else empty
  std::string refused{};         ///< why nothing can be written there; empty: it can
  bool no_exec = false;          ///< mounted so
  std::uint64_t free_bytes = 0;  ///< for this user
  std::optional<std::uint64_t> free_files{};  ///< none: the file system has no fixed number
};

struct folder_report {
  std::optional<std::string> project_file{};
  std::string no_project{};               ///< why there is none
  std::string mistakes{};                 ///< why the project file cannot be used; empty: it can
  std::optional<folder_facts> project{};  ///< its source root
  std::optional<folder_facts> state{};
  folder_facts temporary{};
  std::optional<folder_facts> scratch{};  ///< /dev/shm; none: not there
};

/// `project`, `project_folder`, `state_folder`, `temporary_folder`, `scratch_memory`; without a project not
/// the second and third. Pure.
findings judge_folders(const folder_report& facts);

}  // namespace graphite::doctor
