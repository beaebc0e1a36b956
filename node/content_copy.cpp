#include "node/content_copy.hpp"

#include <algorithm>
#include <functional>
#include <memory>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"

namespace graphite {

namespace {

/// Content up to this size is handled in one piece: one write, and no dead bytes in the store where it is
/// known already.
constexpr std::uint64_t whole_bytes_max = 8 * MiB;

/// Memory that is not cleared first.
class buffer {
 public:
  explicit buffer(std::size_t size)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}
  std::span<std::byte> all() { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_;
};

/// Fills `out` as far as the file goes.
tl::unexpected<error> changed(const logical_path& path) {
  return fail(errc::corrupt, "the bytes of " + path.str() + " are not those of the revision");
}

tl::unexpected<error> stopped() { return fail(errc::cancelled, "cancelled"); }

result<void> write_small(byte_span bytes, const content_ref& wanted, const logical_path& to,
                         scratch_folder::file_writer& file, const hasher& hash) {
  if (content_of(chunk_bytes(bytes, hash), hash) != wanted) return changed(to);
  return file.write(bytes);
}

/// Reads slices until one is empty.
using slice_source = std::function<result<byte_span>()>;

result<void> write_large(const slice_source& next, const content_ref& wanted, const logical_path& to,
                         scratch_folder::file_writer& file, const hasher& hash, const cancel_token& cancel) {
  content_builder builder(hash);
  while (true) {
    if (cancel.cancelled()) return stopped();
    GRAPHITE_TRY(const auto slice, next());
    if (slice.empty()) break;
    builder.feed(slice);
    if (builder.bytes_fed() > wanted.size) return changed(to);
    GRAPHITE_CHECK(file.write(slice));
  }
  if (builder.bytes_fed() != wanted.size || content_of(builder.finish(), hash) != wanted) return changed(to);
  return {};
}

result<stored_output> store_whole(byte_span bytes, bool hold, chunk_store& to, const hasher& hash) {
  const auto chunks = chunk_bytes(bytes, hash);
  GRAPHITE_TRY(const auto stored, hold ? to.hold(bytes, chunks) : to.put(bytes, chunks));
  return stored_output{stored.ref, hold};
}

result<stored_output> store_streamed(open_file& from, std::uint64_t size, chunk_store& to, const hasher& hash,
                                     const cancel_token& cancel) {
  GRAPHITE_TRY(const auto writer, to.begin(size));
  content_builder builder(hash);
  buffer memory(copy_buffer_bytes);
  while (true) {
    if (cancel.cancelled()) return stopped();
    GRAPHITE_TRY(const auto count, read_full(from, memory.all()));
    if (count == 0) break;
    const auto slice = memory.all().first(count);
    if (builder.bytes_fed() + count > size) break;
    builder.feed(slice);
    GRAPHITE_CHECK(writer->append(slice));
  }
  if (builder.bytes_fed() != size) return fail(errc::busy, "an output changes while it is stored");
  GRAPHITE_TRY(const auto stored, writer->commit(builder.finish()));
  return stored_output{stored.ref, false};
}

}  // namespace

result<void> copy_source_in(open_file& from, const content_ref& wanted, const logical_path& to,
                            scratch_folder& scratch, const hasher& hash, const cancel_token& cancel) {
  if (wanted.size <= single_chunk_bytes_max) {
    buffer memory(wanted.size + 1);  // one more tells that the file has grown
    GRAPHITE_TRY(const auto count, read_full(from, memory.all()));
    if (count != wanted.size) return changed(to);
    GRAPHITE_TRY(const auto file, scratch.create(to));
    return write_small(memory.all().first(count), wanted, to, *file, hash);
  }
  buffer memory(copy_buffer_bytes);
  const auto next = [&]() -> result<byte_span> {
    GRAPHITE_TRY(const auto count, read_full(from, memory.all()));
    return byte_span(memory.all().first(count));
  };
  GRAPHITE_TRY(const auto file, scratch.create(to));
  return write_large(next, wanted, to, *file, hash, cancel);
}

static result<void> append_stored(const chunk_store& from, const content_ref& wanted, const logical_path& to,
                                  scratch_folder::file_writer& file, const hasher& hash,
                                  const cancel_token& cancel) {
  buffer memory(std::min<std::uint64_t>(wanted.size, copy_buffer_bytes));
  if (wanted.size <= single_chunk_bytes_max) {
    if (wanted.size != 0) GRAPHITE_CHECK(from.read(wanted.id, 0, memory.all()));
    return write_small(memory.all(), wanted, to, file, hash);
  }
  std::uint64_t offset = 0;
  const auto next = [&]() -> result<byte_span> {
    const auto slice = memory.all().first(std::min<std::uint64_t>(wanted.size - offset, copy_buffer_bytes));
    if (!slice.empty()) GRAPHITE_CHECK(from.read(wanted.id, offset, slice));
    offset += slice.size();
    return byte_span(slice);
  };
  return write_large(next, wanted, to, file, hash, cancel);
}

result<void> copy_stored_in(const chunk_store& from, std::span<const content_ref> wanted,
                            const logical_path& to, scratch_folder& scratch, const hasher& hash,
                            const cancel_token& cancel) {
  GRAPHITE_TRY(const auto file, scratch.create(to));
  for (const auto& one : wanted) GRAPHITE_CHECK(append_stored(from, one, to, *file, hash, cancel));
  return {};
}

result<stored_output> store_file(open_file& from, std::uint64_t size, std::uint64_t hold_bytes_max,
                                 chunk_store& to, const hasher& hash, const cancel_token& cancel) {
  if (size > whole_bytes_max) return store_streamed(from, size, to, hash, cancel);
  buffer memory(size + 1);
  GRAPHITE_TRY(const auto count, read_full(from, memory.all()));
  if (count != size) return fail(errc::busy, "an output changes while it is stored");
  const bool hold = size <= std::min(hold_bytes_max, inline_bytes_max);
  return store_whole(memory.all().first(count), hold, to, hash);
}

}  // namespace graphite
