#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "core/kill_point.hpp"
#include "platform/store/segment_store_impl.hpp"

namespace graphite {

using impl = segment_store::impl;

/// Marks are read before the contents are: what lies below a mark is then among the contents or has its row.
impl::sync_work impl::collect_work() {
  std::lock_guard lock(mutex_);
  sync_work work;
  for (const auto& [id, entry] : table_.all())
    if (entry.file) work.files.emplace_back(entry.file, entry.file->mark());
  work.contents.reserve(pending_.size());
  for (const auto& [id, content] : pending_) work.contents.push_back(content);
  return work;
}

static void fail_for_good(const segment_store_options& options, const error& why) {
  if (options.on_failed_sync) return options.on_failed_sync(why);
  std::fprintf(stderr, "graphite: %s; ending, because nothing written from here on could be trusted\n",
               why.context.c_str());
  std::_Exit(70);
}

result<void> impl::sync_files(const sync_work& work) {
  for (const auto& [file, mark] : work.files) {
    auto synced = file->sync();
    if (synced) continue;
    // The kernel may have dropped the pages: what was not yet durable in this file counts as not stored.
    abandon(file);
    if (synced.error().code != errc::out_of_space) fail_for_good(options_, synced.error());
    return synced;
  }
  return {};
}

void impl::abandon(const std::shared_ptr<segment_file>& file) {
  std::lock_guard lock(mutex_);
  std::erase_if(pending_, [&](const auto& row) { return row.second.where->segment == file->id(); });
  if (current_ == file) current_ = nullptr;
}

result<void> impl::write_rows(const sync_work& work) {
  std::vector<row_write> rows;
  rows.reserve(work.contents.size() + work.files.size());
  for (const auto& content : work.contents)
    rows.push_back({table::chunk_index, index_key(content.ref.id), encode_index_row(content)});
  {
    std::lock_guard lock(mutex_);
    for (const auto& [file, mark] : work.files) {
      auto* entry = table_.find(file->id());
      if (entry == nullptr || entry->row.mark == mark) continue;
      entry->row.mark = mark;
      rows.push_back({table::meta, segment_row_key(file->id()), encode_segment_row(entry->row)});
    }
  }
  if (rows.empty()) return {};
  // Lazily: after a power cut the tail is scanned from the mark that survived, and the log keeps order.
  return rows_.write(rows, key_value_store::durability::lazy);
}

void impl::settle(const sync_work& work) {
  std::lock_guard lock(mutex_);
  for (const auto& content : work.contents) {
    auto at = pending_.find(content.ref.id);
    if (at == pending_.end() || at->second.where != content.where) continue;
    cache_.insert(std::move(at->second));
    pending_.erase(at);
  }
}

result<void> impl::sync_once() {
  if (options_.read_only) return {};
  const auto work = collect_work();
  GRAPHITE_CHECK(sync_files(work));
  {
    std::lock_guard rows_lock(rows_mutex_);
    GRAPHITE_CHECK(write_rows(work));
    settle(work);
  }
  GRAPHITE_KILL_POINT("store.after_rows");
  return {};
}

/// What would cost further syncs if it waited until a publication needs it.
void impl::tidy() {
  if (options_.read_only) return;
  const std::lock_guard one_at_a_time(tidying_);
  seal_full_ones();
  prepare_spare();
}

/// Failing does no harm: the segment is then made when it is needed, which says what is wrong.
void impl::prepare_spare() {
  segment_id id;
  {
    const std::lock_guard lock(mutex_);
    if (spare_) return;
    id = next_segment_;
    const segment_id next{id.value + 1};
    if (!rows_.write({{table::meta, std::string(next_segment_key), segment_row_key(next)}},
                     key_value_store::durability::lazy))
      return;
    next_segment_ = next;
  }
  auto made = segment_file::create(table_.path(id), {id, store_id_}, options_.segment_bytes);
  // The row says that the file's name is durable.
  if (!made || !rows_.write({{table::meta, std::string(spare_segment_key), segment_row_key(id)}},
                            key_value_store::durability::lazy))
    return;
  const std::lock_guard lock(mutex_);
  spare_ = std::move(*made);
}

/// A segment that nobody writes to any more becomes read-only. Failing does no harm: it is tried again.
void impl::seal_full_ones() {
  std::vector<std::shared_ptr<segment_file>> full;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : table_.all()) {
      const bool idle = entry.file && entry.file != current_ && !entry.file->busy();
      // A tail at the start: its first content is about to be placed. A mark behind: not yet synced.
      if (idle && entry.file->tail() > segment_header_bytes && entry.row.mark == entry.file->tail())
        full.push_back(entry.file);
    }
  }
  for (const auto& file : full)
    if (auto sealed = seal(file); !sealed) log_.warn("cannot seal a segment: {}", sealed.error().context);
}

result<void> impl::seal(const std::shared_ptr<segment_file>& file) {
  GRAPHITE_CHECK(file->seal());
  const segment_row row{true, file->tail()};
  GRAPHITE_CHECK(rows_.write({{table::meta, segment_row_key(file->id()), encode_segment_row(row)}},
                             key_value_store::durability::lazy));
  std::lock_guard lock(mutex_);
  auto& entry = table_.all()[file->id()];
  entry.row = row;
  entry.bytes = row.mark;
  entry.file = nullptr;
  return {};
}

void impl::close() {
  if (options_.read_only) return;
  if (auto synced = sync(); !synced)
    log_.warn("the store could not sync at its end: {}", synced.error().context);
  std::lock_guard lock(mutex_);
  for (auto& [id, entry] : table_.all())
    if (entry.file && !entry.file->busy()) entry.file->trim();
}

/// A place that was not filled. A file that was made for it alone goes, too.
void impl::give_up(const taken_place& taken, std::uint64_t size) {
  const auto& file = taken.file;
  file->give_up(taken.place, size);
  if (file->capacity() > options_.segment_bytes) drop_own_file(file);
}

void impl::drop_own_file(const std::shared_ptr<segment_file>& file) {
  std::lock_guard lock(mutex_);
  if (file->tail() > segment_header_bytes) return;
  ::unlink(file->path().c_str());
  table_.all().erase(file->id());
  (void)rows_.write({{table::meta, segment_row_key(file->id()), std::nullopt}},
                    key_value_store::durability::lazy);
}

}  // namespace graphite
