#include "platform/store/segment_store.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "bundle/chunk_list.hpp"
#include "core/kill_point.hpp"
#include "platform/store/segment_store_impl.hpp"

namespace graphite {

using impl = segment_store::impl;

segment_store::impl::impl(segment_store_options options, key_value_store& rows, const hasher& hash,
                          log_sink& log)
    : options_(std::move(options)),
      rows_(rows),
      hash_(hash),
      log_(log),
      table_(options_.folder, options_.segment_bytes),
      cache_(options_.cached_rows_max) {}

std::optional<stored_content> impl::find_in_memory_locked(const digest& content) {
  if (auto at = pending_.find(content); at != pending_.end()) return at->second;
  if (auto at = held_.find(content); at != held_.end())
    return stored_content{{content, at->second.bytes.size()}, at->second.chunks, std::nullopt};
  const auto* row = cache_.find(content);
  if (row != nullptr && table_.usable(*row->where)) return *row;
  return std::nullopt;
}

result<std::optional<stored_content>> impl::find(const digest& content, bool touch) {
  {
    std::lock_guard lock(mutex_);
    if (touch && collection_) collection_->live.mark(content);
    if (auto known = find_in_memory_locked(content)) return known;
  }
  std::optional<extent> unusable;
  for (;;) {
    GRAPHITE_TRY(const auto row, rows_.get(table::chunk_index, index_key(content)));
    std::lock_guard lock(mutex_);
    // It may have been committed between the two looks.
    if (auto known = find_in_memory_locked(content)) return known;
    if (!row) return std::nullopt;
    GRAPHITE_TRY(auto decoded, decode_index_row(content, *row));
    if (table_.usable(*decoded.where)) return cache_.insert(std::move(decoded));
    // Its segment is gone. Ask once more, in case the content was moved out of it meanwhile.
    if (decoded.where == unusable) return std::nullopt;
    unusable = decoded.where;
  }
}

result<content_ref> impl::described(std::uint64_t size, const chunk_list& chunks) const {
  if (size > content_bytes_max) return fail(errc::too_large, fmt::format("content of {} bytes", size));
  if (auto good = check_chunk_list(chunks); !good || chunks.total_bytes() != size)
    return fail(errc::invalid_argument, "the chunk list does not describe the bytes");
  return content_of(chunks, hash_);
}

result<stored_content> impl::put(byte_span bytes, const chunk_list& chunks) {
  GRAPHITE_TRY(const auto ref, described(bytes.size(), chunks));
  GRAPHITE_TRY(auto known, find(ref.id, true));
  if (known && known->where) return std::move(*known);
  return store(bytes, ref, chunks);
}

result<stored_content> impl::store(byte_span bytes, const content_ref& ref, const chunk_list& chunks) {
  GRAPHITE_TRY(const auto taken, take({segment_record_kind::content, ref, checksum64(bytes)}, bytes));
  if (ref.size >= extent_alignment) {
    if (auto written = taken.file->write(bytes, taken.place.data_offset); !written) {
      give_up(taken, ref.size);
      return tl::unexpected(written.error());
    }
  }
  GRAPHITE_KILL_POINT("store.after_segment_write");
  return commit(taken, ref, chunks);
}

result<stored_content> impl::commit(const taken_place& taken, const content_ref& ref,
                                    const chunk_list& chunks) {
  stored_content content{ref, chunks, taken.place.where(taken.file->id(), ref.size)};
  std::size_t waiting = 0;
  {
    std::lock_guard lock(mutex_);
    if (collection_) collection_->live.mark(ref.id);
    pending_.insert_or_assign(ref.id, content);
    if (auto at = held_.find(ref.id); at != held_.end()) {
      held_bytes_ -= at->second.bytes.size();
      held_.erase(at);
    }
    waiting = pending_.size();
  }
  taken.file->finish(taken.place);  // after it is pending: a sync between the two writes its row
  GRAPHITE_KILL_POINT("store.after_commit");
  if (waiting > pending_max) {  // much comes in at once: no publication is waiting for just this
    GRAPHITE_CHECK(sync());
    tidy();
  }
  return content;
}

result<std::shared_ptr<segment_file>> impl::open_segment_locked(std::uint64_t capacity) {
  if (options_.read_only) return fail(errc::permission_denied, "the store is open for reading");
  if (spare_ && !spare_->is_linked()) spare_ = nullptr;  // removed like any other, before it was of use
  GRAPHITE_TRY(auto file, spare_ ? take_spare_locked(capacity) : make_segment_locked(capacity));
  file->reserve_at_most(options_.reserve_bytes_max);
  auto& entry = table_.all()[file->id()];
  entry.row = {false, segment_header_bytes};
  entry.file = file;
  return file;
}

result<std::shared_ptr<segment_file>> impl::take_spare_locked(std::uint64_t capacity) {
  const auto id = spare_->id();
  GRAPHITE_CHECK(
      rows_.write({{table::meta, segment_row_key(id), encode_segment_row({false, segment_header_bytes})},
                   {table::meta, std::string(spare_segment_key), std::nullopt}},
                  key_value_store::durability::lazy));
  spare_->set_capacity(capacity);
  return std::exchange(spare_, nullptr);
}

result<std::shared_ptr<segment_file>> impl::make_segment_locked(std::uint64_t capacity) {
  const auto id = next_segment_;
  GRAPHITE_CHECK(
      rows_.write({{table::meta, segment_row_key(id), encode_segment_row({false, segment_header_bytes})},
                   {table::meta, std::string(next_segment_key), segment_row_key({id.value + 1})}},
                  key_value_store::durability::lazy));
  auto file = segment_file::create(table_.path(id), {id, store_id_}, capacity);
  if (!file) {
    (void)rows_.write({{table::meta, segment_row_key(id), std::nullopt}}, key_value_store::durability::lazy);
    return file;
  }
  next_segment_ = segment_id{id.value + 1};
  return file;
}

/// Nothing where the current segment was full, which is then no longer the current one.
result<std::optional<taken_place>> impl::take_in_current(const segment_record& record, byte_span data) {
  std::shared_ptr<segment_file> file;
  {
    std::lock_guard lock(mutex_);
    if (!current_) {
      GRAPHITE_TRY(current_, open_segment_locked(options_.segment_bytes));
    }
    file = current_;
  }
  GRAPHITE_TRY(const auto place, file->reserve(record, data));
  if (place) return taken_place{file, *place};
  std::lock_guard lock(mutex_);
  if (current_ == file) current_ = nullptr;
  return std::nullopt;
}

result<taken_place> impl::take_own_file(const segment_record& record) {
  std::shared_ptr<segment_file> file;
  {
    std::lock_guard lock(mutex_);
    const auto end = next_placement(segment_header_bytes, record.content.size).end;
    GRAPHITE_TRY(file, open_segment_locked(end));
  }
  const auto place = file->reserve(record, {});
  if (!place) {
    drop_own_file(file);
    return tl::unexpected(place.error());
  }
  GRAPHITE_INVARIANT(place->has_value());
  return taken_place{file, **place};
}

result<taken_place> impl::take(const segment_record& record, byte_span data) {
  if (next_placement(segment_header_bytes, record.content.size).end > options_.segment_bytes)
    return take_own_file(record);
  for (;;) {  // another thread may fill the new segment first, again and again only in theory
    GRAPHITE_TRY(const auto taken, take_in_current(record, data));
    if (taken) return *taken;
  }
}

result<extent_view> impl::map(const extent& where) {
  std::shared_ptr<const mapped_segment> view;
  {
    std::lock_guard lock(mutex_);
    GRAPHITE_TRY(view, table_.view(where.segment));
  }
  auto bytes = view->range(where.offset, where.length);
  if (!bytes) {
    std::lock_guard lock(mutex_);
    table_.lose(where.segment, bytes.error());
    return tl::unexpected(bytes.error());
  }
  return extent_view{std::move(view), *bytes};
}

result<extent_view> impl::map(const digest& content) {
  GRAPHITE_TRY(const auto known, find(content, false));
  if (!known) return fail(errc::not_found, "no content " + to_hex(content));
  if (known->where) return map(*known->where);
  std::lock_guard lock(mutex_);
  auto at = held_.find(content);
  if (at == held_.end()) return fail(errc::busy, "content was folded meanwhile: ask again");
  auto copy = std::make_shared<byte_vector>(at->second.bytes);
  const byte_span bytes(*copy);
  return extent_view{std::move(copy), bytes};
}

result<stored_content> impl::hold(byte_span bytes, const chunk_list& chunks) {
  if (bytes.size() > inline_bytes_max) return fail(errc::too_large, "too large to hold for a journal record");
  GRAPHITE_TRY(const auto ref, described(bytes.size(), chunks));
  GRAPHITE_TRY(auto known, find(ref.id, true));
  if (known) return std::move(*known);
  std::lock_guard lock(mutex_);
  if (held_bytes_ + bytes.size() > options_.held_bytes_max)
    return fail(errc::busy, "too many bytes are held: fold first");
  if (held_.try_emplace(ref.id, held_content{{bytes.begin(), bytes.end()}, chunks}).second)
    held_bytes_ += bytes.size();
  return stored_content{ref, chunks, std::nullopt};
}

result<void> impl::fold() {
  std::vector<std::pair<digest, held_content>> all;
  {
    std::lock_guard lock(mutex_);
    all.assign(held_.begin(), held_.end());
  }
  // In a fixed order, so that equal runs give equal files.
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [id, content] : all) {
    auto stored = store(content.bytes, {id, content.bytes.size()}, content.chunks);
    if (!stored) return tl::unexpected(std::move(stored).error());
  }
  GRAPHITE_CHECK(sync());
  tidy();
  return {};
}

result<void> impl::forget(const digest& content) {
  std::lock_guard rows_lock(rows_mutex_);
  {
    std::lock_guard lock(mutex_);
    pending_.erase(content);
    cache_.erase(content);
  }
  return rows_.write({{table::chunk_index, index_key(content), std::nullopt}},
                     key_value_store::durability::lazy);
}

store_usage impl::usage() const {
  std::lock_guard lock(mutex_);
  store_usage out;
  for (const auto& [id, entry] : table_.all()) {
    if (entry.lost) continue;
    ++out.segments;
    out.file_bytes += entry.file ? entry.file->tail() : entry.bytes;
  }
  out.held_bytes = held_bytes_;
  return out;
}

namespace {

/// One content on its way into a segment; its place stays `reserved` until it is committed.
class segment_writer final : public content_writer {
 public:
  segment_writer(std::shared_ptr<impl> store, taken_place taken, std::uint64_t size)
      : store_(std::move(store)), taken_(std::move(taken)), size_(size) {}
  ~segment_writer() override {
    if (done_) return;
    if (keep_)
      taken_.file->finish(taken_.place);  // its header says that nothing is there
    else
      store_->give_up(taken_, size_);
  }

  result<void> append(byte_span bytes) override {
    if (bytes.size() > size_ - written_) return fail(errc::invalid_argument, "more bytes than announced");
    GRAPHITE_CHECK(taken_.file->write(bytes, taken_.place.data_offset + written_));
    checksum_.feed(bytes);
    written_ += bytes.size();
    return {};
  }

  result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > written_ || out.size() > written_ - offset)
      return fail(errc::invalid_argument, "bytes that are not appended yet");
    return taken_.file->read(out, taken_.place.data_offset + offset);
  }

  result<extent> keep_cut_off(bool keep) override {
    if (keep) GRAPHITE_CHECK(taken_.file->reach(taken_.place));
    keep_ = keep;
    return taken_.place.where(taken_.file->id(), size_);
  }

  result<stored_content> commit(const chunk_list& chunks) override {
    if (done_ || written_ != size_) return fail(errc::invalid_argument, "fewer bytes than announced");
    GRAPHITE_TRY(const auto ref, store_->described(size_, chunks));
    GRAPHITE_TRY(auto known, store_->find(ref.id, true));
    if (known && known->where) return std::move(*known);
    GRAPHITE_KILL_POINT("store.after_segment_write");
    GRAPHITE_CHECK(
        taken_.file->write_header(taken_.place, {segment_record_kind::content, ref, checksum_.value()}));
    done_ = true;
    return store_->commit(taken_, ref, chunks);
  }

 private:
  std::shared_ptr<impl> store_;
  taken_place taken_;
  std::uint64_t size_, written_ = 0;
  checksum64_builder checksum_;
  bool done_ = false, keep_ = false;
};

}  // namespace

result<std::unique_ptr<content_writer>> impl::begin(std::shared_ptr<impl> self, std::uint64_t size) {
  if (size > content_bytes_max) return fail(errc::too_large, fmt::format("content of {} bytes", size));
  // Small content lies directly behind its header and is written with it in one piece elsewhere; here its
  // bytes come later, so zeros stand in.
  const byte_vector zeros(size < extent_alignment ? size : 0);
  GRAPHITE_TRY(auto taken, take({segment_record_kind::reserved, {digest{}, size}, 0}, zeros));
  return std::make_unique<segment_writer>(std::move(self), std::move(taken), size);
}

segment_store::segment_store(std::shared_ptr<impl> impl) : impl_(std::move(impl)) {}
segment_store::~segment_store() { impl_->close(); }

result<std::unique_ptr<segment_store>> segment_store::open(segment_store_options options,
                                                           key_value_store& rows, const hasher& hash,
                                                           log_sink& log) {
  if (options.segment_bytes > segment_bytes_max || options.segment_bytes < extent_alignment)
    return fail(errc::invalid_argument, "segment_bytes must be between 4 KiB and 256 MiB");
  auto store = std::make_shared<impl>(std::move(options), rows, hash, log);
  GRAPHITE_CHECK(store->recover());
  return std::unique_ptr<segment_store>(new segment_store(std::move(store)));
}

result<stored_content> segment_store::put(byte_span bytes, const chunk_list& chunks) {
  return impl_->put(bytes, chunks);
}
result<std::unique_ptr<content_writer>> segment_store::begin(std::uint64_t size) {
  return impl_->begin(impl_, size);
}
result<std::optional<stored_content>> segment_store::find(const digest& content) const {
  return impl_->find(content, true);
}
result<void> segment_store::read(const digest& content, std::uint64_t offset,
                                 std::span<std::byte> out) const {
  GRAPHITE_TRY(const auto view, impl_->map(content));
  if (offset > view.bytes.size() || out.size() > view.bytes.size() - offset)
    return fail(errc::corrupt,
                fmt::format("{} bytes at {} of a content of {}", out.size(), offset, view.bytes.size()));
  std::copy_n(view.bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
  return {};
}
result<void> segment_store::sync() { return impl_->sync(); }
result<stored_content> segment_store::hold(byte_span bytes, const chunk_list& chunks) {
  return impl_->hold(bytes, chunks);
}
result<void> segment_store::fold() { return impl_->fold(); }
result<extent_view> segment_store::map(const digest& content) const { return impl_->map(content); }
result<extent_view> segment_store::map(const extent& where) const { return impl_->map(where); }
std::string segment_store::segment_path(segment_id id) const { return impl_->path(id); }
result<void> segment_store::forget(const digest& content) { return impl_->forget(content); }
result<void> segment_store::discard(const extent& where) { return impl_->discard(where); }
std::vector<lost_segment> segment_store::lost() const { return impl_->lost(); }
void segment_store::look_for_losses() { impl_->look_for_losses(); }
std::uint64_t segment_store::losses() const { return impl_->losses(); }
result<void> segment_store::forget_lost() { return impl_->forget_lost(); }
store_usage segment_store::usage() const { return impl_->usage(); }
std::shared_ptr<void> segment_store::pin(std::vector<digest> contents) {
  return impl_->pin(impl_, std::move(contents));
}
void segment_store::begin_gc(unsigned copy_below_percent) { impl_->begin_gc(copy_below_percent); }
void segment_store::mark(std::span<const digest> live) { impl_->mark(live); }
result<struct gc_step> segment_store::gc_step(const std::function<bool(segment_id)>& pinned) {
  return impl_->gc_step(pinned);
}
result<void> segment_store::end_segment(std::uint64_t bytes_min) { return impl_->end_segment(bytes_min); }
std::vector<std::pair<segment_id, std::uint64_t>> segment_store::gc_pinned() const {
  return impl_->gc_pinned();
}
bool segment_store::gc_again() { return impl_->gc_again(); }
void segment_store::end_gc() { impl_->end_gc(); }

}  // namespace graphite
