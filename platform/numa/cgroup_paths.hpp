#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace graphite {

/// \file Where the kernel shows the folders of a process's control groups: from /proc/self/cgroup and
/// /proc/self/mountinfo, see cgroups(7) and proc(5). Pure. Lines that make no sense are passed over.

/// A field of mountinfo as it was before blanks and backslashes in it became \ and three octal digits.
std::string unescaped_mount_field(std::string_view text);

/// One line of /proc/self/cgroup.
struct cgroup_membership {
  std::vector<std::string> controllers{};  ///< of a v1 hierarchy; none: the v2 hierarchy
  std::string path{};                      ///< begins with '/'
};
std::vector<cgroup_membership> parse_cgroup_memberships(std::string_view text);

/// One mounted hierarchy.
struct cgroup_mount {
  std::string group{};   ///< the group that is mounted, "/" for the topmost one
  std::string folder{};  ///< where
  bool v2 = false;
  std::vector<std::string> options{};  ///< of a v1 hierarchy, its controllers among them
};
std::vector<cgroup_mount> parse_cgroup_mounts(std::string_view text);

/// A process's group in the hierarchy that has a controller.
struct cgroup_place {
  bool v2 = false;
  std::string mounted{};  ///< the folder of the topmost group that can be seen
  std::vector<std::string>
      folders{};  ///< of the group, of its parent … the last is `mounted`; folders need not exist
};

/// One place for each mount that shows the group, most ancestors first; empty where none does. The controller
/// counts as v1's where a v1 hierarchy has it: so it is with hybrid set-ups. A group beyond the root of the
/// cgroup namespace ("/../x") is shown by no mount.
std::vector<cgroup_place> places_of_controller(std::string_view controller,
                                               const std::vector<cgroup_membership>& memberships,
                                               const std::vector<cgroup_mount>& mounts);

}  // namespace graphite
