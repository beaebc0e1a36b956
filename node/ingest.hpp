#pragma once

#include <functional>
#include <vector>

#include "core/ports/chunk_store.hpp"
#include "core/ports/file_reader.hpp"
#include "core/ports/hasher.hpp"
#include "core/source.hpp"

namespace graphite {

/// What is to become of a source's bytes.
struct source_use {
  enum class keep {
    nothing,  ///< only an input: the digest is enough
    held,     ///< an asset that rides in the next journal record where it is small enough
    stored    ///< an asset: into a segment
  };
  keep bytes = keep::nothing;
  /// Finds references in the bytes; empty: there are none to find.
  std::function<std::vector<scanned_reference>(byte_span)> scan;
};

struct ingest_options {
  std::uint64_t whole_bytes_max = 8 * MiB;  ///< up to this a file is read into memory at once
  std::uint64_t scan_bytes_max = 16 * MiB;  ///< references are looked for in the first so many bytes
  int reads_max = 4;                        ///< how often a file that changes under the reader is read
};

/// Turns a file's present bytes into a source_state: reads, cuts, hashes, scans, stores.
///
/// Blocking; thread-safe as far as its ports are, so that several threads ingest side by side.
class ingester {
 public:
  ingester(const file_reader& files, chunk_store& contents, const hasher& hash, ingest_options options = {})
      : files_(files), contents_(contents), hash_(hash), options_(options) {}

  /// Nothing where the file is gone. A file that still grows after `reads_max` readings is taken as last
  /// read, with a signature that is not trusted, so that the next look reads it again.
  /// Errors: permission_denied, io, out_of_space, busy (a large file that shrinks at every reading).
  result<std::optional<source_state>> ingest(const logical_path& path, const source_use& use) const;

 private:
  struct reading {
    source_state state;
    bool steady = false;
  };
  result<std::optional<reading>> read_once(const logical_path& path, const source_use& use) const;
  result<void> read_whole(open_file& file, std::uint64_t size, const source_use& use,
                          source_state& out) const;
  result<void> read_streamed(open_file& file, std::uint64_t size, const source_use& use,
                             source_state& out) const;

  const file_reader& files_;
  chunk_store& contents_;
  const hasher& hash_;
  ingest_options options_;
};

}  // namespace graphite
