#pragma once

#include "core/cancel_token.hpp"
#include "core/content.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/file_reader.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/scratch_space.hpp"

namespace graphite {

/// \file Bytes in and out of a scratch folder, named by their digest on the way. Through ports only; memory
/// is bounded by copy_buffer_bytes whatever the content's size.

inline constexpr std::size_t copy_buffer_bytes = 1 * MiB;

/// Copies a view's file. Errors: corrupt where the bytes are not `wanted` (the file changed), cancelled,
/// and those of the ports.
result<void> copy_source_in(open_file& from, const content_ref& wanted, const logical_path& to,
                            scratch_folder& scratch, const hasher& hash, const cancel_token& cancel);

/// Copies contents of the store into one file, one after the other. Errors: as above; corrupt where the
/// store's bytes are not `wanted`.
result<void> copy_stored_in(const chunk_store& from, std::span<const content_ref> wanted,
                            const logical_path& to, scratch_folder& scratch, const hasher& hash,
                            const cancel_token& cancel);

/// Where an output's bytes went.
struct stored_output {
  content_ref content;
  bool held = false;  ///< waits for a journal record; otherwise for sync()
};

/// Stores a file of `size` bytes; up to `hold_bytes_max` it is only held. What the store has already is
/// not written again. Errors: busy (the file changed meanwhile), cancelled, and those of the ports.
result<stored_output> store_file(open_file& from, std::uint64_t size, std::uint64_t hold_bytes_max,
                                 chunk_store& to, const hasher& hash, const cancel_token& cancel);

}  // namespace graphite
