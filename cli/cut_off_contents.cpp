#include "cli/cut_off_contents.hpp"

#include <algorithm>
#include <sstream>

namespace graphite {

constexpr std::string_view row_key = "subscriber/cut-off";

cut_off_contents::cut_off_contents(key_value_store& rows, log_sink& log) : rows_(rows), log_(log) {
  const auto row = rows_.get(table::meta, row_key);
  if (!row) {
    log_.warn("transfers that were cut off begin anew: {}", row.error().context);
    return;
  }
  std::istringstream lines(row->value_or(""));
  entry one;
  // A row that is damaged leads to bytes that are not what they should be, and these are not taken.
  for (std::string id; lines >> id >> one.where.segment.value >> one.where.offset >> one.where.length;) {
    const auto content = digest_from_hex(id);
    if (!content || entries_.size() == kept_max) return;
    one.content = *content;
    entries_.push_back(one);
  }
}

std::optional<extent> cut_off_contents::find(const digest& content) const {
  const auto at = std::ranges::find(entries_, content, &entry::content);
  return at == entries_.end() ? std::nullopt : std::optional(at->where);
}

void cut_off_contents::note(const digest& content, const extent& where) {
  std::erase_if(entries_, [&](const entry& one) { return one.content == content; });
  if (entries_.size() == kept_max) entries_.erase(entries_.begin());
  entries_.push_back({content, where});
  keep();
}

void cut_off_contents::forget(const digest& content) {
  if (std::erase_if(entries_, [&](const entry& one) { return one.content == content; }) != 0) keep();
}

void cut_off_contents::keep() const {
  std::ostringstream lines;
  for (const auto& [content, where] : entries_)
    lines << to_hex(content) << ' ' << where.segment.value << ' ' << where.offset << ' ' << where.length
          << '\n';
  const auto kept =
      rows_.write({{table::meta, std::string(row_key), lines.str()}}, key_value_store::durability::lazy);
  if (!kept) log_.warn("a transfer that is cut off would begin anew: {}", kept.error().context);
}

}  // namespace graphite
