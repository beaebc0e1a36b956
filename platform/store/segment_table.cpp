#include "platform/store/segment_table.hpp"

#include <algorithm>

namespace graphite {

segment_entry* segment_table::find(segment_id id) {
  auto at = entries_.find(id);
  return at == entries_.end() ? nullptr : &at->second;
}

bool segment_table::usable(const extent& where) const {
  auto at = entries_.find(where.segment);
  if (at == entries_.end() || at->second.lost || at->second.condemned) return false;
  return at->second.file || where.offset + where.length <= at->second.bytes;
}

static result<std::shared_ptr<const mapped_segment>> map_checked(const std::string& path, segment_id id,
                                                                 std::uint64_t bytes) {
  GRAPHITE_TRY(auto view, mapped_segment::open(path, bytes));
  GRAPHITE_TRY(const auto first, view->range(0, segment_header_bytes));
  auto header = decode_segment_header(first);
  if (!header) return fail(header.error().code, path + ": " + header.error().context);
  if (header->id != id) return fail(errc::corrupt, path + " is another segment under this name");
  return view;
}

result<std::shared_ptr<const mapped_segment>> segment_table::view(segment_id id) {
  auto* entry = find(id);
  if (entry == nullptr || entry->lost) return fail(errc::not_found, "segment " + path(id) + " is missing");
  if (entry->view) return entry->view;
  const auto bytes = entry->file ? entry->file->capacity() : entry->bytes;
  auto view = map_checked(path(id), id, bytes);
  if (!view) {
    lose(id, view.error());
    return view;
  }
  return entry->view = std::move(*view);
}

void segment_table::lose(segment_id id, error why) {
  entries_[id].lost = true;
  report(id, std::move(why));
}

void segment_table::report(segment_id id, error why) {
  const bool known = std::any_of(lost_.begin(), lost_.end(), [&](const auto& one) { return one.id == id; });
  if (known) return;
  lost_.push_back({id, std::move(why)});
  ++losses_;
}

void segment_table::forget_lost() {
  lost_.clear();
  std::erase_if(entries_, [](const auto& entry) { return entry.second.lost; });
  for (auto& [id, entry] : entries_)
    if (entry.row.sealed) entry.row.mark = std::min(entry.row.mark, entry.bytes);
}

}  // namespace graphite
