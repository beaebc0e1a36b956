#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "core/kill_point.hpp"
#include "platform/linux/clock.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/store/segment_store_impl.hpp"

namespace graphite {

using impl = segment_store::impl;

namespace {

struct file_state {
  std::uint64_t bytes = 0;
  bool writable = true;
};

result<file_state> state_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail_errno(errno, "stat " + path);
  return file_state{static_cast<std::uint64_t>(info.st_size), (info.st_mode & S_IWUSR) != 0};
}

result<void> sync_file(const std::string& path) {
  owned_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  GRAPHITE_KILL_POINT("store.before_recovery_sync");
  if (::fdatasync(fd.get()) != 0) return fail_errno(errno, "sync " + path);
  GRAPHITE_KILL_POINT("store.after_recovery_sync");
  return {};
}

result<segment_header> header_of(const std::string& path) {
  owned_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  byte_vector bytes(segment_header_bytes);
  GRAPHITE_CHECK(read_fully(fd.get(), bytes, 0, "read " + path));
  return decode_segment_header(bytes);
}

std::vector<segment_id> files_in(const std::string& folder) {
  std::vector<segment_id> out;
  std::error_code code;
  for (const auto& one : std::filesystem::directory_iterator(folder, code))
    if (auto id = segment_of_file_name(one.path().filename().string())) out.push_back(*id);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

/// The name of the store: from its rows, else from its segments (the rows were lost), else a new one.
result<void> impl::load_store_id() {
  GRAPHITE_TRY(const auto row, rows_.get(table::meta, store_id_key));
  if (row) {
    if (row->size() != store_id_.bytes.size()) return fail(errc::corrupt, "the store's name is damaged");
    std::memcpy(store_id_.bytes.data(), row->data(), row->size());
    return {};
  }
  system_random_source random;
  store_id_ = make_uuid(random);
  for (const auto id : files_in(options_.folder)) {
    const auto header = header_of(table_.path(id));
    if (!header) continue;
    store_id_ = header->store;
    log_.warn("the store's index is missing: it is made again from the segments in {}", options_.folder);
    break;
  }
  if (options_.read_only) return {};
  return rows_.write({{table::meta, std::string(store_id_key),
                       std::string(as_text(std::as_bytes(std::span(store_id_.bytes))))}},
                     key_value_store::durability::lazy);
}

result<std::map<segment_id, segment_row>> impl::load_segment_rows() {
  std::map<segment_id, segment_row> out;
  result<void> bad;
  GRAPHITE_CHECK(
      rows_.scan(table::meta, segment_row_prefix, [&](std::string_view key, std::string_view value) {
        const auto id = segment_of_row_key(key);
        auto row = decode_segment_row(value);
        if (id && row) out[*id] = *row;
        if (!row) bad = tl::unexpected(row.error());
        return bad.has_value();
      }));
  GRAPHITE_CHECK(bad);
  GRAPHITE_TRY(const auto next, rows_.get(table::meta, next_segment_key));
  if (next)
    if (const auto id = segment_of_row_key(*next)) next_segment_ = *id;
  return out;
}

result<void> impl::recover() {
  if (!options_.read_only) GRAPHITE_CHECK(make_folders(options_.folder));
  GRAPHITE_CHECK(load_store_id());
  recovered work;
  GRAPHITE_TRY(work.expected, load_segment_rows());
  GRAPHITE_TRY(const auto spare, rows_.get(table::meta, spare_segment_key));
  if (spare) work.spare = segment_of_row_key(*spare);
  if (!options_.read_only) link_back(work);
  GRAPHITE_CHECK(adopt_files(work));
  report_missing(work);
  for (const auto& [id, entry] : table_.all())
    next_segment_ = std::max(next_segment_, segment_id{id.value + 1});
  for (const auto& one : table_.lost()) log_.error("segment {} is lost: {}", one.id.value, one.why.context);
  if (options_.read_only || work.rows.empty()) return {};
  return rows_.write(work.rows, key_value_store::durability::lazy);
}

/// A segment that somebody removed lives on where a bundle has a link to it.
void impl::link_back(const recovered& work) {
  for (const auto& [id, row] : work.expected) {
    std::error_code code;
    if (row.mark <= segment_header_bytes || std::filesystem::exists(table_.path(id), code)) continue;
    (void)link_back(id);
  }
}

bool impl::link_back(segment_id id) const {
  for (const auto& folder : options_.spare_folders) {
    const auto spare = folder + "/" + segment_file_name(id);
    GRAPHITE_KILL_POINT("store.before_link_back");
    if (::link(spare.c_str(), table_.path(id).c_str()) != 0) continue;
    GRAPHITE_KILL_POINT("store.after_link_back");
    log_.warn("{} was gone and is linked back from {}", table_.path(id), spare);
    return true;
  }
  return false;
}

std::vector<lost_segment> impl::lost() const {
  std::lock_guard lock(mutex_);
  return table_.lost();
}

std::uint64_t impl::losses() const {
  std::lock_guard lock(mutex_);
  return table_.losses();
}

void impl::look_for_losses() {
  std::vector<segment_id> here;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : table_.all())
      if (!entry.lost) here.push_back(id);
  }
  for (const auto id : here) {
    if (state_of(path(id)) || link_back(id)) continue;
    std::lock_guard lock(mutex_);
    auto* entry = table_.find(id);
    if (entry == nullptr) continue;  // collected meanwhile
    log_.error("{} was removed", path(id));
    if (entry->file == current_) current_ = nullptr;
    entry->file = nullptr;
    std::erase_if(pending_, [&](const auto& row) { return row.second.where->segment == id; });
    table_.lose(id, {errc::not_found, path(id) + " is missing"});
  }
}

result<void> impl::forget_lost() {
  std::vector<row_write> rows;
  {
    std::lock_guard lock(mutex_);
    for (const auto& one : table_.lost()) {
      const auto* entry = table_.find(one.id);
      if (entry == nullptr || entry->lost)
        rows.push_back({table::meta, segment_row_key(one.id), std::nullopt});
      else if (entry->row.sealed)
        rows.push_back({table::meta, segment_row_key(one.id),
                        encode_segment_row({true, std::min(entry->row.mark, entry->bytes)})});
    }
  }
  if (rows.empty()) return {};
  GRAPHITE_CHECK(rows_.write(rows, key_value_store::durability::lazy));
  std::lock_guard lock(mutex_);
  table_.forget_lost();
  return {};
}

void impl::report_missing(const recovered& work) {
  for (const auto& [id, row] : work.expected) {
    if (table_.find(id) != nullptr) continue;
    if (row.mark <= segment_header_bytes) continue;  // died between its row and its file
    table_.lose(id, {errc::not_found, table_.path(id) + " is missing"});
  }
}

result<void> impl::adopt_files(recovered& work) {
  for (const auto id : files_in(options_.folder)) {
    next_segment_ = std::max(next_segment_, segment_id{id.value + 1});
    if (id == work.spare && adopt_spare(id)) continue;
    GRAPHITE_CHECK(adopt_file(id, work));
  }
  return {};
}

/// False where something was placed in it and the rows that said so are lost.
bool impl::adopt_spare(segment_id id) {
  const auto state = state_of(table_.path(id));
  const auto header = header_of(table_.path(id));
  if (!state || state->bytes != segment_header_bytes || !header || header->store != store_id_) return false;
  if (options_.read_only) return true;
  auto file = segment_file::reopen(table_.path(id), id, segment_header_bytes, options_.segment_bytes, true);
  if (file) spare_ = std::move(*file);
  return file.has_value();
}

result<void> impl::adopt_file(segment_id id, recovered& work) {
  auto state = state_of(table_.path(id));
  if (!state) {
    table_.lose(id, state.error());
    return {};
  }
  const auto at = work.expected.find(id);
  const auto known = at == work.expected.end() ? segment_row{false, segment_header_bytes} : at->second;
  if (options_.read_only && at == work.expected.end()) return {};
  auto& entry = table_.all()[id];
  entry.row = known;
  entry.bytes = state->bytes;
  // The tail is a multiple of 64, the file of an unsealed segment ends where its last byte does.
  // One that has nothing yet may have died before its header was there.
  const bool short_tail = state->bytes + small_alignment <= known.mark && known.mark > segment_header_bytes;
  if (short_tail || (known.sealed && state->bytes < known.mark)) {
    table_.report(id, {errc::corrupt, fmt::format("{} has {} bytes instead of {}", table_.path(id),
                                                  state->bytes, known.mark)});
    return {};
  }
  if (known.sealed || options_.read_only) return {};
  return recover_tail(id, known, work);
}

/// Indexes what was written behind the last mark, and decides whether writing may go on in this file.
result<void> impl::recover_tail(segment_id id, const segment_row& known, recovered& work) {
  const auto path = table_.path(id);
  const auto header = header_of(path);
  const bool ours = !header || header->store == store_id_;
  if (ours && table_.all()[id].bytes <= segment_header_bytes && known.mark <= segment_header_bytes) {
    ::unlink(path.c_str());  // died while it was made: nothing can be in it
    table_.all().erase(id);
    work.rows.push_back({table::meta, segment_row_key(id), std::nullopt});
    return {};
  }
  if (!header || header->id != id || header->store != store_id_) {
    table_.lose(id, header ? error{errc::corrupt, path + " belongs to another store"} : header.error());
    return {};
  }
  GRAPHITE_TRY(const auto scanned, reindex(id, known.mark, work));
  return finish_tail(id, known, scanned, work);
}

result<void> impl::finish_tail(segment_id id, const segment_row& known, const scan_summary& scanned,
                               recovered& work) {
  auto& entry = table_.all()[id];
  GRAPHITE_TRY(const auto state, state_of(table_.path(id)));
  const bool whole = scanned.stop == scan_stop::truncated || state.bytes <= scanned.tail;
  if (!whole || !state.writable) {
    // Bytes that are no record lie in the way: they may hold something a person wants; nothing is appended.
    entry.row = {true, state.bytes};
    work.rows.push_back({table::meta, segment_row_key(id), encode_segment_row(entry.row)});
    return {};
  }
  const auto capacity = std::max(options_.segment_bytes, scanned.tail);
  GRAPHITE_TRY(entry.file,
               segment_file::reopen(table_.path(id), id, scanned.tail, capacity, scanned.tail == known.mark));
  entry.file->reserve_at_most(options_.reserve_bytes_max);
  entry.row.mark = scanned.tail;
  entry.view = nullptr;  // mapped at its old length
  work.rows.push_back({table::meta, segment_row_key(id), encode_segment_row(entry.row)});
  current_ = entry.file;  // the last one wins; the others are sealed by the next sync
  return {};
}

result<scan_summary> impl::reindex(segment_id id, std::uint64_t from, recovered& work) {
  const auto path = table_.path(id);
  GRAPHITE_TRY(const auto view, mapped_segment::open(path, 0));
  GRAPHITE_TRY(const auto state, state_of(path));
  GRAPHITE_TRY(const auto bytes, view->range(0, state.bytes));
  const auto before = work.rows.size();
  const auto scanned = scan_records(bytes, id, from, scan_depth::data, [&](const scanned_record& found) {
    if (found.record.kind == segment_record_kind::content)
      reindex_record(id, found, bytes.subspan(found.place.data_offset, found.record.content.size), work);
  });
  // Bytes that only the page cache has must not get a durable row.
  if (work.rows.size() > before) GRAPHITE_CHECK(sync_file(path));
  if (scanned.records > 0)
    log_.info("segment {}: {} records behind the last mark, {} torn, {} indexed again", id.value,
              scanned.records, scanned.bad_data, work.rows.size() - before);
  return scanned;
}

void impl::reindex_record(segment_id id, const scanned_record& found, byte_span data, recovered& work) {
  const auto& ref = found.record.content;
  const auto key = index_key(ref.id);
  if (const auto row = rows_.get(table::chunk_index, key); row && *row) {
    const auto known = decode_index_row(ref.id, **row);
    if (known && known->where->segment != id && std::filesystem::exists(table_.path(known->where->segment)))
      return;
    if (known && known->where == found.place.where(id, ref.size)) return;
  }
  stored_content content{ref, chunk_bytes(data, hash_), found.place.where(id, ref.size)};
  if (content_of(content.chunks, hash_) != ref) return;
  work.rows.push_back({table::chunk_index, key, encode_index_row(content)});
}

}  // namespace graphite
