#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/content.hpp"
#include "core/error.hpp"

namespace graphite {

/// A content as a store knows it. `where` is absent while the bytes are only held for a journal record.
struct stored_content {
  content_ref ref;
  chunk_list chunks;
  std::optional<extent> where;
};

/// Receives one content of known size, in order. Dropped without commit(): the space becomes dead.
/// One thread at a time; several writers of one store may be open at once.
class content_writer {
 public:
  virtual ~content_writer() = default;
  /// Errors: out_of_space, io, invalid_argument (more than announced).
  virtual result<void> append(byte_span bytes) = 0;
  /// Copies appended bytes, as they lie there. Errors: invalid_argument (not all are appended), io.
  virtual result<void> read(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// Whether what was appended is to stay where it is, dead, when the writer is dropped or the process dies
  /// before commit(): for a later attempt. Where all of it lies. Errors: io.
  virtual result<extent> keep_cut_off(bool keep) = 0;
  /// `chunks` must describe exactly the appended bytes. Visible at once, durable after sync().
  virtual result<stored_content> commit(const chunk_list& chunks) = 0;
};

/// Contents by digest: each is one extent of a segment file, stored once. Thread-safe.
class chunk_store {
 public:
  virtual ~chunk_store() = default;

  /// Stores `bytes` (described by `chunks`); the existing extent where it is known already.
  /// Errors: out_of_space, io.
  virtual result<stored_content> put(byte_span bytes, const chunk_list& chunks) = 0;
  /// For content too large to hold in memory. `size` in bytes is exact.
  virtual result<std::unique_ptr<content_writer>> begin(std::uint64_t size) = 0;
  /// Nothing where the store does not have it. O(1).
  virtual result<std::optional<stored_content>> find(const digest& content) const = 0;
  /// Copies `out.size()` bytes from `offset` of the content. Errors: not_found, corrupt (out of range), io.
  virtual result<void> read(const digest& content, std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// Everything committed before the call is on disk when it returns, its index rows included. Blocks.
  virtual result<void> sync() = 0;

  /// Keeps small bytes readable that a journal record makes durable (see docs/formats/store.md), until
  /// fold() has written them into a segment. `bytes` ≤ inline_bytes_max.
  virtual result<stored_content> hold(byte_span bytes, const chunk_list& chunks) = 0;
  /// Writes held contents into segments and syncs; afterwards find() gives their extents. Does what may be
  /// done at leisure, too, so that sync() needs not: called off the path, now and then. Blocks.
  virtual result<void> fold() = 0;
};

}  // namespace graphite
