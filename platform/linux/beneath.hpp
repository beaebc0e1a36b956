#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// Opens the folder `path` (absolute) for use with the functions below. Errors: not_found,
/// permission_denied, io.
result<owned_fd> open_root_folder(const std::string& path);

/// Opens `path` relative to `root`, following links only while they stay at or below it; absolute links
/// may lead back inside. `flags` as for open(2); O_CLOEXEC is added. Uses openat2(RESOLVE_BENEATH) and
/// resolves component by component where that is missing or refuses.
/// Errors: not_found (also: dangling), invalid_argument (leaves the root, or over 40 links),
/// permission_denied, io. Thread-safe.
result<owned_fd> open_beneath(int root, std::string_view path, int flags);

/// The same without openat2: for old kernels, and for tests.
result<owned_fd> open_beneath_stepwise(int root, std::string_view path, int flags);

/// Where an open file lies now, by /proc/self/fd; empty where that is not known or it was deleted.
std::string path_of(int fd);

/// `absolute` relative to `root` (both without links); empty at the root itself, nothing where outside.
/// `below` tells the two apart.
struct relative_name {
  bool below = false;
  std::string path;
};
relative_name relative_to(std::string_view root, std::string_view absolute);

}  // namespace graphite
