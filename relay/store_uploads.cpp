#include "relay/store_uploads.hpp"

#include <fmt/format.h>

#include "bundle/chunk_list.hpp"

namespace graphite {

/// With keys all processes of a key share its bounds.
static bool same_peer(const store_uploads::asker& a, const store_uploads::asker& b) {
  return a.key == b.key && (a.key != curve_key{} || a.process == b.process);
}

result<void> store_uploads::check_room(const asker& from, std::uint64_t size) const {
  if (open_.size() >= options_.all_max)
    return fail(errc::busy, fmt::format("{} contents are on their way here: try again later", open_.size()));
  std::size_t count = 0;
  std::uint64_t bytes = 0, all = size;
  for (const auto& [of, upload] : open_) {
    all += upload.content.size;
    if (!same_peer(of.from, from)) continue;
    ++count;
    bytes += upload.content.size;
  }
  if (count >= options_.of_asker_max)
    return fail(errc::busy, fmt::format("{} contents of this asker are on their way: finish one", count));
  if (size > options_.bytes_of_asker_max - std::min(bytes, options_.bytes_of_asker_max))
    return fail(errc::busy, fmt::format("{} bytes of this asker are on their way: finish one", bytes));
  if (ledger_ != nullptr) return ledger_->admit(all);
  return {};
}

result<store_uploads::progress> store_uploads::take(const asker& from, const stores::put_piece& piece,
                                                    byte_span bytes, time_point now) {
  const key of{from, piece.content.id};
  auto found = open_.find(of);
  // The same digest with another size: one of them is a lie, and the digest will tell.
  if (found != open_.end() && found->second.content != piece.content) {
    open_.erase(found);
    found = open_.end();
  }
  if (found == open_.end()) {
    if (piece.offset != 0) return progress{false, 0};
    GRAPHITE_CHECK(begin(of, piece.content, now));
    found = open_.find(of);
  }
  auto& upload = found->second;
  upload.heard = now;
  if (piece.offset != upload.builder.bytes_fed()) return progress{false, upload.builder.bytes_fed()};
  auto done = go_on(upload, bytes);
  if (!done || done->whole) open_.erase(found);
  return done;
}

result<store_uploads::progress> store_uploads::begin(const key& of, const content_ref& content,
                                                     time_point now) {
  GRAPHITE_CHECK(check_room(of.from, content.size));
  GRAPHITE_TRY(auto writer, store_.begin(content.size));
  open_.emplace(of, upload{content, std::move(writer), content_builder(hash_), now});
  return progress{};
}

result<store_uploads::progress> store_uploads::go_on(upload& of, byte_span bytes) {
  if (bytes.size() > of.content.size - of.builder.bytes_fed())
    return fail(errc::invalid_argument, "bytes beyond the end of their content");
  GRAPHITE_CHECK(of.writer->append(bytes));
  of.builder.feed(bytes);
  if (of.builder.bytes_fed() < of.content.size) return progress{false, of.builder.bytes_fed()};
  const auto chunks = of.builder.finish();
  if (content_of(chunks, hash_) != of.content)
    return fail(errc::corrupt, "these are not the bytes of content " + to_hex(of.content.id));
  GRAPHITE_CHECK(of.writer->commit(chunks));
  return progress{true, of.content.size};
}

void store_uploads::lapse(time_point now) {
  std::erase_if(open_, [&](const auto& one) { return now - one.second.heard >= options_.lapse_after; });
}

}  // namespace graphite
