#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/job_upload.hpp"
#include "core/ports/file_reader.hpp"
#include "core/project_file_name.hpp"

namespace graphite {

/// A project's folder as a job takes it.
struct job_source {
  std::string project;  ///< its name
  upload_source files;
  std::shared_ptr<const file_reader> bytes;     ///< of the files, by their paths in the snapshot
  std::string project_file{project_file_name};  ///< its logical path in the snapshot
  std::vector<std::string> left_out;            ///< "PATH: why", for people; at most left_out_max
  static constexpr std::size_t left_out_max = 1'000;
};

/// Where the sources of a project lie in its snapshots, with the last `/`; empty: beside the project file,
/// which is in `folder`. Errors: unsupported (they are not below it).
result<std::string> source_prefix(const std::string& folder, const std::string& root);

/// Reads the project in `folder` (absolute) and all its sources, as a build there would: ignore files, links
/// and names that differ only in case included. Blocks; hashes every file. `read`: told now and then how many
/// of how many files were read. Errors: those of load_project and of the files; unsupported (the sources are
/// not below the project file); busy (a file changes while it is read: try again).
result<job_source> read_job_source(const std::string& folder, const hasher& hash,
                                   const std::function<void(std::size_t, std::size_t)>& read = {});

}  // namespace graphite
