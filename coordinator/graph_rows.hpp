#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "coordinator/build_types.hpp"
#include "core/error.hpp"

/// \file The rows of table::sources and table::graph.
///
/// Two kinds of rows in each table. A *packed* row holds the records of one bucket of one folder: key "f",
/// folder, NUL, bits, bucket (two bytes, big-endian); a file's bucket is the low `bits` bits of its name's
/// hash, so that a row has about records_per_row_max records at most. A *delta* row holds the records of one
/// change: key "d", sequence (eight bytes, big-endian). A packed row says up to which sequence it is
/// complete; later deltas win. Folding writes packed rows for what the deltas touched and erases these.

namespace graphite {

/// A source, as it was when everything made of it was last shown.
struct source_record {
  logical_path path;
  bool present = true;          ///< false: gone (deltas only)
  bool listed = false;          ///< the channel shows it as an asset
  std::uint16_t rule = 0xffff;  ///< index of the rule that takes it; 0xffff: none
  source_state state = {};      ///< content of zero: not known, it must be read again
  /// What the shown record refers to; absent where that is each reference's first candidate.
  std::optional<std::vector<logical_path>> shown = std::nullopt;
};

/// An action's last result, under its main input.
struct result_record {
  struct output {
    logical_path path;
    content_ref content;
    bool listed = false;
    std::vector<content_ref> parts = {};   ///< as in attempt_output
    std::vector<logical_path> shown = {};  ///< where listed: what the shown record refers to, ascending
    std::span<const content_ref> stored() const { return stored_contents(content, parts); }
  };
  logical_path main;
  bool present = true;
  std::uint16_t rule = 0xffff;
  digest recipe, built;
  std::uint64_t signature = 0;  ///< of the inputs; zero: stale
  std::uint64_t cost_ns = 0;
  bool narrowed = false;  ///< `discovered` came from a depfile
  std::vector<output> outputs;
  std::vector<logical_path> discovered;
};

/// The records of one row of sources, for a reader in a hurry: names point into the row's bytes, and all
/// lists lie side by side. Cleared and filled again from row to row, a record costs no allocation.
struct source_rows {
  struct list {
    std::uint32_t first = 0, count = 0;
  };
  struct reference {
    list candidates;  ///< of `names`
    bool required = false, at_run = false;
  };
  struct record {
    std::uint32_t path = 0;  ///< of `names`
    std::uint16_t rule = 0xffff;
    bool present = true, listed = false, has_shown = false;
    content_ref content;
    stat_signature signature;
    list references;  ///< of `references`
    list shown;       ///< of `names`
  };
  std::vector<record> records;
  std::vector<reference> references;
  std::vector<std::string_view> names;  ///< each a valid logical path
};

struct row_header {
  std::uint64_t rules = 0;     ///< hash of the rules' patterns when `rule` was decided
  std::uint64_t sequence = 0;  ///< of the last change folded in
};

inline constexpr std::size_t records_per_row_max = 1'000;

std::string encode_sources(const row_header& header, const std::vector<source_record>& records);
std::string encode_results(const row_header& header, const std::vector<result_record>& records);
/// Errors: corrupt, newer_version.
/// `into` is replaced; after an error it is not to be used.
result<row_header> decode_sources(std::string_view bytes, source_rows& into);
/// Appends to `into`.
result<row_header> decode_results(std::string_view bytes, std::vector<result_record>& into);

/// Where a row belongs.
struct row_name {
  bool delta = false;
  std::uint64_t sequence = 0;  ///< deltas
  std::string folder;          ///< packed
  std::uint8_t bits = 0;
  std::uint16_t bucket = 0;
  auto operator<=>(const row_name&) const = default;
};
std::string encode(const row_name& name);
result<row_name> decode_row_name(std::string_view key);
std::uint16_t bucket_of(std::string_view file_name, std::uint8_t bits);

/// Remembers which rows there are, to know what to fold and erase. Pure.
struct row_keeper {
  std::uint64_t sequence = 0;                   ///< last given out
  std::set<std::uint64_t> deltas[2];            ///< of sources, of results
  std::map<std::string, std::uint8_t> bits[2];  ///< of folders with packed rows
  std::set<std::string> touched[2];             ///< folders with records in deltas
  std::uint64_t rules = 0;
};

}  // namespace graphite
