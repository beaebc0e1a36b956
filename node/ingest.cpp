#include "node/ingest.hpp"

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"

namespace graphite {

result<void> ingester::read_whole(open_file& file, std::uint64_t size, const source_use& use,
                                  source_state& out) const {
  // One byte more than announced tells growth from the end.
  byte_vector bytes(size + 1);
  GRAPHITE_TRY(const std::size_t got, read_full(file, bytes));
  bytes.resize(got);
  const auto chunks = chunk_bytes(bytes, hash_);
  out.content = content_of(chunks, hash_);
  if (use.scan)
    out.references = use.scan(byte_span(bytes).first(std::min<std::size_t>(got, options_.scan_bytes_max)));
  if (use.bytes == source_use::keep::nothing) return {};
  if (use.bytes == source_use::keep::held && got <= inline_bytes_max) {
    const auto held = contents_.hold(bytes, chunks);
    if (held) return {};
    if (held.error().code != errc::busy) return tl::unexpected<error>(held.error());
    // Nobody has published for long, so that much is held already: into a segment.
  }
  GRAPHITE_CHECK(contents_.put(bytes, chunks));
  return {};
}

result<void> ingester::read_streamed(open_file& file, std::uint64_t size, const source_use& use,
                                     source_state& out) const {
  std::unique_ptr<content_writer> writer;
  if (use.bytes != source_use::keep::nothing) {
    GRAPHITE_TRY(writer, contents_.begin(size));
  }
  content_builder builder(hash_);
  byte_vector block(1 * MiB), front;
  std::uint64_t left = size;
  while (left > 0) {
    GRAPHITE_TRY(const std::size_t got,
                 read_full(file, std::span(block).first(std::min<std::uint64_t>(left, block.size()))));
    if (got == 0) break;
    const auto piece = byte_span(block).first(got);
    builder.feed(piece);
    if (writer) GRAPHITE_CHECK(writer->append(piece));
    if (use.scan && front.size() < options_.scan_bytes_max)
      front.insert(front.end(), piece.begin(), piece.end());
    left -= got;
  }
  const auto chunks = builder.finish();
  out.content = content_of(chunks, hash_);
  if (use.scan)
    out.references =
        use.scan(byte_span(front).first(std::min<std::size_t>(front.size(), options_.scan_bytes_max)));
  if (left > 0) return fail(errc::busy, "the file became shorter while it was read");
  if (writer) GRAPHITE_CHECK(writer->commit(chunks));
  return {};
}

result<std::optional<ingester::reading>> ingester::read_once(const logical_path& path,
                                                             const source_use& use) const {
  auto opened = files_.open(path);
  if (!opened && opened.error().code == errc::not_found) return std::nullopt;
  if (!opened) return tl::unexpected<error>(opened.error());
  auto& file = **opened;
  GRAPHITE_TRY(const file_info before, file.info());
  reading out;
  const auto size = before.signature.size;
  GRAPHITE_CHECK(size <= options_.whole_bytes_max ? read_whole(file, size, use, out.state)
                                                  : read_streamed(file, size, use, out.state));
  GRAPHITE_TRY(const file_info after, file.info());
  out.state.signature = after.signature;
  out.steady = before.signature.same_file_state(after.signature) && out.state.content.size == size;
  return out;
}

result<std::optional<source_state>> ingester::ingest(const logical_path& path, const source_use& use) const {
  for (int reads = 1;; ++reads) {
    auto read = read_once(path, use);
    if (!read && read.error().code == errc::busy && reads < options_.reads_max) continue;
    GRAPHITE_TRY(auto once, std::move(read));
    if (!once) return std::nullopt;
    if (once->steady || reads == options_.reads_max) {
      once->state.signature.trusted = once->state.signature.trusted && once->steady;
      return std::move(once->state);
    }
  }
}

}  // namespace graphite
