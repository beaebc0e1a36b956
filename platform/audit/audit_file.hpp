#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/ports/audit_sink.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/log.hpp"

namespace graphite {

struct audit_file_options {
  std::string folder;                        ///< made where it is not there, 0700; its files 0600
  std::uint64_t file_bytes_max = 16u << 20;  ///< then the next file is begun
  std::size_t files_max = 64;                ///< then the oldest goes, which the next line says
};

/// Writes a line for each entry at the end of the folder's newest file. Each line has the digest of all
/// before it, so that a line cannot be changed or taken out without those after it; the file `head` says
/// which line is the last, so that none can be cut off. Where some are missing when it is opened, a line
/// `missing` says so from then on. One process a folder. Errors: permission_denied, out_of_space, corrupt
/// (the newest file is none of these), io. Cost of opening: some KiB read; where it was not closed well, or
/// lines are missing, all of it.
result<std::unique_ptr<audit_sink>> open_audit_file(audit_file_options options, const hasher& hash,
                                                    clock_source& clock, log_sink& log);

struct audit_line {
  std::string time;  ///< UTC, RFC 3339 with nanoseconds
  audit_entry entry;
  std::string digest;  ///< of it and all before it, 64 hexadecimal digits
};
/// Where a state folder's record is.
inline std::string audit_folder(const std::string& state) { return state + "/audit"; }

struct audit_record {
  std::vector<audit_line> lines;  ///< oldest first; a last one that was cut short by a crash is left out
  std::uint64_t written = 0;      ///< lines in all, also those whose file went
  std::optional<error> cut_off;   ///< its end is missing: corrupt, and what is known of it
};
/// Errors: not_found, io; corrupt where a line does not follow from those before it: the context says which.
/// A process that writes to it meanwhile does no harm.
result<audit_record> read_audit(const std::string& folder, const hasher& hash);
/// Whether the record has a line with that digest, which somebody kept elsewhere. Errors: corrupt.
result<void> check_kept_digest(const audit_record& record, std::string_view digest);

}  // namespace graphite
