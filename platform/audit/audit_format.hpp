#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/ports/hasher.hpp"

/// \file How a record stands in its folder: for platform/audit alone.

namespace graphite::audit_format {

inline constexpr std::size_t field_bytes_max = 4096, digest_digits = 64, time_chars = 30;
/// More than a line has.
inline constexpr std::uint64_t line_bytes_max = 3 * 4 * field_bytes_max + 1024;
/// Of a file, of which each may be longer than its limit by a line.
inline constexpr std::uint64_t file_bytes_max = 1u << 30;

/// UTC, RFC 3339 with nanoseconds.
std::string time_text(std::int64_t unix_ns);
/// No field breaks a line or a column.
std::string field(std::string_view text);
std::string file_name(std::uint64_t number);
/// Names of the files, ascending. Errors: not_found, io.
result<std::vector<std::string>> files_of(const std::string& folder);

/// "DIGEST\tTIME\tWHO\tWHAT\tABOUT": the digest is of the one before and of what comes after it.
std::string chained(std::string_view before, std::string_view rest, const hasher& hash);

/// The last line that was written: the file `head` beside the record, which is written after each line. A
/// record that has it no more was cut short; one that goes on after it was written by a process that crashed.
struct end_mark {
  std::uint64_t lines = 0;  ///< all that were ever written, also those whose file went
  std::string digest, time;
  bool operator==(const end_mark&) const = default;
};
inline constexpr std::string_view head_name = "head";
/// Always as many bytes, so that one write replaces all of them.
std::string text_of(const end_mark& mark);
std::optional<end_mark> parse_mark(std::string_view text);
/// Nothing where there is none, or one that cannot be read. Errors: io.
result<std::optional<end_mark>> read_mark(const std::string& folder);

}  // namespace graphite::audit_format
