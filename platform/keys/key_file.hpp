#pragma once

#include <string>

#include "core/error.hpp"
#include "core/secret.hpp"

namespace graphite {

/// \file Files that hold keys. They and their folders belong to us alone: looser ones are refused, by what to
/// type against it. All functions are thread-safe and block.

/// Errors: not_found, permission_denied (a link, somebody else's, or open to others than its owner),
/// too_large, io.
result<secret_bytes> read_secret_file(const std::string& path, std::size_t bytes_max);

/// For what is no secret and is believed: others may read it, but not write it. Errors: not_found,
/// permission_denied (of another user than us or root, or others may write it), too_large, io.
result<std::string> read_believed_file(const std::string& path, std::size_t bytes_max);

/// Replaces it at once and durably, with mode 0600. Errors: out_of_space, permission_denied, not_found, io.
result<void> write_key_file(const std::string& path, byte_span bytes);

/// From now on this process leaves no core file, also where a program takes them (core(5): a limit of one
/// byte is too small for a file and makes the kernel leave such programs out). For programs that hold keys; a
/// library leaves it to its program. Where the system refuses, nothing changes.
void leave_no_core_file();

/// Makes the folder with mode 0700, or checks the one that is there. Errors: as below, and io.
result<void> make_key_folder(const std::string& path);
/// Errors: not_found, permission_denied (a link, somebody else's, or open to others than its owner), io.
result<void> check_key_folder(const std::string& path);

}  // namespace graphite
