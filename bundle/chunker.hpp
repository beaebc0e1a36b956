#pragma once

#include <span>
#include <vector>

#include "core/content.hpp"
#include "core/ports/hasher.hpp"
#include "core/units.hpp"

namespace graphite {

/// Cuts a content into chunks and hashes them: content up to single_chunk_bytes_max is one chunk, larger
/// is cut by content (kernels/gear_scan.hpp). Empty content has no chunks.
///
/// One pass without copying: chunks are hashed, several at once, while the scan has left them in the cache.
/// Pure.
chunk_list chunk_bytes(byte_span bytes, const hasher& hash);
/// The same of each content, in the same places: small ones are hashed beside each other.
std::vector<chunk_list> chunk_each(std::span<const byte_span> contents, const hasher& hash);

/// The same for content that arrives in slices: any slicing gives the chunks of the whole.
///
/// One thread. Holds at most buffer_bytes_max of bytes, less for small content; slices larger than a
/// chunk are hashed where they are. `hash` must outlive it.
class content_builder {
 public:
  static constexpr std::size_t buffer_bytes_max = MiB;

  explicit content_builder(const hasher& hash) : hash_(&hash) {}

  void feed(byte_span bytes);
  /// The list of all that was fed; the builder starts afresh.
  chunk_list finish();
  std::uint64_t bytes_fed() const { return fed_; }

 private:
  void emit(byte_span chunk);
  std::size_t cut_all(byte_span bytes);
  void take(byte_span bytes);

  const hasher* hash_;
  byte_vector buffer_;
  std::size_t begin_ = 0;  ///< of what is not yet cut in buffer_
  std::uint64_t fed_ = 0;
  chunk_list list_;
};

}  // namespace graphite
