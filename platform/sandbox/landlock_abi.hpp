#pragma once

#include <cstddef>
#include <cstdint>

/// \file Landlock's numbers (Documentation/userspace-api/landlock.rst of Linux): the headers of Debian 12
/// know ABI 2.

namespace graphite::landlock {

inline constexpr std::uint64_t execute = 1u << 0, write_file = 1u << 1, read_file = 1u << 2,
                               read_folder = 1u << 3;
/// Remove and make entries of a folder: all but devices.
inline constexpr std::uint64_t change_folder =
    (1u << 4) | (1u << 5) | (1u << 7) | (1u << 8) | (1u << 9) | (1u << 10) | (1u << 12) | (1u << 13);
inline constexpr std::uint64_t truncate = 1u << 14;   ///< ABI 3
inline constexpr std::uint64_t ioctl_dev = 1u << 15;  ///< ABI 5
inline constexpr unsigned version_flag = 1, rule_path_beneath = 1;
inline constexpr int abi_of_truncate = 3, abi_of_network = 4, abi_of_ioctl = 5, abi_of_scopes = 6;

struct ruleset {
  std::uint64_t handled_files = 0;
  std::uint64_t handled_network = 0;  ///< ABI 4
  std::uint64_t scoped = 0;           ///< ABI 6
};

struct [[gnu::packed]] path_rule {
  std::uint64_t allowed = 0;
  std::int32_t folder = -1;
};

struct wanted_ruleset {
  ruleset attributes;
  std::size_t bytes = sizeof(std::uint64_t);  ///< that this kernel knows
};

/// All that a kernel of this ABI can deny.
inline wanted_ruleset ruleset_for(int abi) {
  wanted_ruleset out;
  const unsigned file_rights = abi >= abi_of_ioctl ? 16 : abi >= abi_of_truncate ? 15 : abi >= 2 ? 14 : 13;
  out.attributes.handled_files = (std::uint64_t{1} << file_rights) - 1;
  if (abi >= abi_of_network) {
    out.attributes.handled_network = 3;  // bind and connect by TCP
    out.bytes += sizeof(std::uint64_t);
  }
  if (abi >= abi_of_scopes) {
    out.attributes.scoped = 3;  // abstract sockets and signals stay within
    out.bytes += sizeof(std::uint64_t);
  }
  return out;
}

}  // namespace graphite::landlock
