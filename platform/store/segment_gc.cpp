#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "bundle/chunker.hpp"
#include "core/kill_point.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/store/segment_store_impl.hpp"

namespace graphite {

using impl = segment_store::impl;

void impl::begin_gc(unsigned copy_below_percent) {
  if (!options_.read_only) {
    const std::lock_guard one_at_a_time(tidying_);
    seal_full_ones();  // only what nobody writes to any more is collected
  }
  std::lock_guard lock(mutex_);
  collection_ = collection{};
  collection_->copy_below_percent = copy_below_percent;
  for (const auto& [id, entry] : table_.all())
    if (!entry.file) collection_->todo.push_back(id);
  std::reverse(collection_->todo.begin(), collection_->todo.end());
}

void impl::mark(std::span<const digest> live) {
  std::lock_guard lock(mutex_);
  if (!collection_) return;
  for (const auto& content : live) collection_->live.mark(content);
}

std::shared_ptr<void> impl::pin(std::shared_ptr<impl> self, std::vector<digest> contents) {
  {
    std::lock_guard lock(mutex_);
    for (const auto& content : contents) ++pins_[content];
  }
  const auto unpin = [self = std::move(self)](std::vector<digest>* pinned) {
    std::lock_guard lock(self->mutex_);
    for (const auto& content : *pinned)
      if (--self->pins_[content] == 0) self->pins_.erase(content);
    delete pinned;
  };
  return {new std::vector<digest>(std::move(contents)), unpin};
}

bool impl::is_live_locked(const digest& content) {
  return pins_.contains(content) || (collection_ && collection_->live.contains(content));
}

/// What the index says lies in the segment, from the records' headers.
result<std::vector<stored_content>> impl::contents_of(segment_id id, byte_span bytes) {
  std::vector<stored_content> out;
  result<void> bad;
  const auto take = [&](const digest& content, std::string_view row) {
    auto known = decode_index_row(content, row);
    if (known && known->where->segment == id) out.push_back(std::move(*known));
  };
  const auto scanned =
      scan_records(bytes, id, segment_header_bytes, scan_depth::headers, [&](const scanned_record& found) {
        if (found.record.kind != segment_record_kind::content || !bad) return;
        auto row = rows_.get(table::chunk_index, index_key(found.record.content.id));
        if (!row) bad = tl::unexpected(row.error());
        if (row && *row) take(found.record.content.id, **row);
      });
  GRAPHITE_CHECK(bad);
  if (scanned.stop == scan_stop::end && scanned.tail >= bytes.size()) return out;
  // A damaged header hides what follows it: ask the index instead. Slow and rare.
  out.clear();
  GRAPHITE_CHECK(rows_.scan(table::chunk_index, "", [&](std::string_view key, std::string_view row) {
    digest content;
    if (key.size() != content.bytes.size()) return true;
    std::memcpy(content.bytes.data(), key.data(), key.size());
    take(content, row);
    return true;
  }));
  return out;
}

result<impl::looked_at> impl::look_at(segment_id id) {
  looked_at out;
  out.id = id;
  std::shared_ptr<const mapped_segment> view;
  {
    std::lock_guard lock(mutex_);
    GRAPHITE_TRY(view, table_.view(id));
    out.bytes = table_.find(id)->bytes;
  }
  GRAPHITE_TRY(const auto bytes, view->range(0, out.bytes));
  GRAPHITE_TRY(auto contents, contents_of(id, bytes));
  std::lock_guard lock(mutex_);
  for (auto& content : contents) {
    if (!is_live_locked(content.ref.id)) {
      out.dead.push_back(content.ref.id);
    } else {
      out.live_bytes += content.ref.size;
      out.live.push_back(std::move(content));
    }
  }
  return out;
}

result<void> impl::copy_out(const looked_at& segment, struct gc_step& step) {
  for (const auto& content : segment.live) {
    GRAPHITE_TRY(const auto view, map(*content.where));
    if (chunk_bytes(view.bytes, hash_) != content.chunks) {
      log_.error("content {} in {} is damaged and was not kept", to_hex(content.ref.id), path(segment.id));
      continue;
    }
    GRAPHITE_TRY(auto moved, store(view.bytes, content.ref, content.chunks));
    step.moved.push_back(std::move(moved));
  }
  GRAPHITE_KILL_POINT("store.after_gc_copy");
  return sync();
}

/// From here on nobody refers to the segment: a content asked for again is stored anew. False where one of
/// the dead came back to life since they were looked at.
bool impl::condemn(const looked_at& segment) {
  std::lock_guard lock(mutex_);
  for (const auto& content : segment.dead)
    if (is_live_locked(content)) return false;
  table_.find(segment.id)->condemned = true;
  return true;
}

result<void> impl::erase_rows(const looked_at& segment) {
  std::vector<row_write> rows{{table::meta, segment_row_key(segment.id), std::nullopt}};
  std::lock_guard rows_lock(rows_mutex_);
  const auto erase_if_here = [&](const digest& content) -> result<void> {
    GRAPHITE_TRY(const auto row, rows_.get(table::chunk_index, index_key(content)));
    if (!row) return {};
    const auto known = decode_index_row(content, *row);
    if (!known || known->where->segment == segment.id)
      rows.push_back({table::chunk_index, index_key(content), std::nullopt});
    return {};
  };
  for (const auto& content : segment.dead) GRAPHITE_CHECK(erase_if_here(content));
  for (const auto& content : segment.live) GRAPHITE_CHECK(erase_if_here(content.ref.id));
  return rows_.write(rows, key_value_store::durability::synced);
}

result<void> impl::remove(const looked_at& segment, struct gc_step& step) {
  if (!condemn(segment)) return {};
  if (auto erased = erase_rows(segment); !erased) {
    std::lock_guard lock(mutex_);
    table_.find(segment.id)->condemned = false;
    return erased;
  }
  GRAPHITE_KILL_POINT("store.after_gc_rows");
  {
    std::lock_guard lock(mutex_);
    for (const auto& content : segment.dead) cache_.erase(content);
    table_.all().erase(segment.id);
  }
  GRAPHITE_KILL_POINT("store.before_unlink");
  if (::unlink(path(segment.id).c_str()) != 0 && errno != ENOENT)
    return fail_errno(errno, "unlink " + path(segment.id));
  step.unlinked.push_back(segment.id);
  step.freed_bytes += segment.bytes;
  return {};
}

/// Lost segments only leave the list; of the others, the next one that may be collected.
result<std::optional<segment_id>> impl::next_candidate(bool& more) {
  std::vector<row_write> rows;
  std::optional<segment_id> out;
  {
    std::lock_guard lock(mutex_);
    while (!out && collection_ && !collection_->todo.empty()) {
      const auto id = collection_->todo.back();
      collection_->todo.pop_back();
      const auto* entry = table_.find(id);
      if (entry == nullptr || entry->file) continue;
      if (entry->lost)
        rows.push_back({table::meta, segment_row_key(id), std::nullopt});
      else
        out = id;
    }
    more = collection_ && !collection_->todo.empty();
    if (!more && !out && collection_ && collection_->waiting.empty()) collection_.reset();
  }
  if (!rows.empty()) GRAPHITE_CHECK(rows_.write(rows, key_value_store::durability::lazy));
  return out;
}

bool impl::may_copy_out(segment_id id) const {
  std::lock_guard lock(mutex_);
  for (const auto& [other, entry] : table_.all())
    if (entry.retired && other != id) return false;  // one at a time
  return true;
}

bool impl::has_little_left(const looked_at& segment) const {
  std::lock_guard lock(mutex_);
  return collection_ && segment.live_bytes > 0 &&
         segment.live_bytes * 100 < segment.bytes * collection_->copy_below_percent;
}

result<struct gc_step> impl::gc_step(const std::function<bool(segment_id)>& pinned) {
  struct gc_step step;
  GRAPHITE_TRY(const auto id, next_candidate(step.more));
  if (!id) return step;
  step.more = true;
  GRAPHITE_CHECK(sync());
  auto looked = look_at(*id);
  if (!looked) {
    log_.warn("collection passes over {}: {}", path(*id), looked.error().context);
    return step;
  }
  step.live_bytes = looked->live_bytes;
  if (!looked->live.empty() && !has_little_left(*looked)) {
    stays(*id);
    return step;
  }
  if (!looked->live.empty() && !may_copy_out(*id)) {
    wait_for_again(*id, false);
    return step;
  }
  if (!looked->live.empty()) GRAPHITE_CHECK(copy_out(*looked, step));
  if (pinned && pinned(*id)) {
    wait_for_again(*id, true);
    return step;
  }
  GRAPHITE_CHECK(remove(*looked, step));
  return step;
}

/// What it held was asked for again after it was given up.
void impl::stays(segment_id id) {
  std::lock_guard lock(mutex_);
  table_.find(id)->retired = false;
}

void impl::wait_for_again(segment_id id, bool retired) {
  std::lock_guard lock(mutex_);
  table_.find(id)->retired = retired;
  if (collection_) collection_->waiting.push_back(id);
}

result<void> impl::end_segment(std::uint64_t bytes_min) {
  std::shared_ptr<segment_file> ended;
  {
    std::lock_guard lock(mutex_);
    if (!current_ || current_->tail() < bytes_min) return {};
    ended = std::exchange(current_, nullptr);
  }
  GRAPHITE_CHECK(sync());
  tidy();  // which seals it, if nobody is writing to it still
  std::lock_guard lock(mutex_);
  const auto* entry = table_.find(ended->id());
  if (entry != nullptr && !entry->file && collection_)
    collection_->todo.insert(collection_->todo.begin(), ended->id());
  return {};
}

std::vector<std::pair<segment_id, std::uint64_t>> impl::gc_pinned() const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<segment_id, std::uint64_t>> out;
  if (!collection_) return out;
  for (const auto id : collection_->waiting)
    if (const auto at = table_.all().find(id); at != table_.all().end() && at->second.retired)
      out.emplace_back(id, at->second.bytes);
  return out;
}

bool impl::gc_again() {
  std::lock_guard lock(mutex_);
  if (!collection_ || collection_->waiting.empty()) return false;
  collection_->todo = std::exchange(collection_->waiting, {});
  std::reverse(collection_->todo.begin(), collection_->todo.end());
  return true;
}

void impl::end_gc() {
  std::lock_guard lock(mutex_);
  collection_.reset();
}

/// Where the record begins that reserves this. By plain reads: others may cut the file meanwhile.
static std::optional<std::uint64_t> reserved_at(int segment, const extent& where) {
  for (std::uint64_t tail = segment_header_bytes;;) {
    const auto at = next_placement(tail, 0).header_offset;
    std::array<std::byte, segment_record_header_bytes> bytes;
    if (at > where.offset || !read_fully(segment, bytes, at, "a record")) return std::nullopt;
    const auto record = decode_segment_record(bytes, where.segment, at);
    if (!record) return std::nullopt;
    const auto place = next_placement(tail, record->content.size);
    if (place.where(where.segment, record->content.size) == where)
      return record->kind == segment_record_kind::reserved ? std::optional(at) : std::nullopt;
    tail = place.end;
  }
}

result<void> impl::discard(const extent& where) {
  std::shared_ptr<segment_file> file;
  {
    std::lock_guard lock(mutex_);
    const auto* const entry = table_.find(where.segment);
    if (entry == nullptr || entry->lost || entry->condemned) return {};
    file = entry->file;
  }
  const auto path = table_.path(where.segment);
  const owned_fd out(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!out) return fail_errno(errno, "open " + path);
  const auto dead = reserved_at(out.get(), where);
  if (!dead || (file && file->fills(*dead))) return {};
  const auto hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (::fallocate(out.get(), hole, static_cast<off_t>(where.offset), static_cast<off_t>(where.length)) != 0)
    return fail_errno(errno, "give back a part of " + path);
  return {};
}

}  // namespace graphite
