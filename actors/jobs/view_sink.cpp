#include "actors/jobs/view_sink.hpp"

#include "coordinator/action_key.hpp"

namespace graphite {

result<std::optional<std::string>> view_rows::get(table where, std::string_view key) const {
  if (where == table::action_cache) return cached_ ? shared_.get(where, key) : std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = where == table::history ? history_.find(key) : history_.end();
  if (found == history_.end()) return std::nullopt;
  return found->second;
}

result<void> view_rows::write(const std::vector<row_write>& rows, durability) {
  const std::lock_guard lock(mutex_);
  for (const auto& row : rows) {
    if (row.where != table::history) continue;
    if (!row.value)
      history_.erase(row.key);
    else if (history_.size() < history_max || history_.contains(row.key))
      history_.insert_or_assign(row.key, *row.value);
  }
  return {};
}

result<void> view_rows::scan(table, std::string_view,
                             const std::function<bool(std::string_view, std::string_view)>&) const {
  return {};
}

std::vector<row_write> view_rows::shared_of(const std::vector<row_write>& rows) const {
  std::vector<row_write> out;
  if (!cached_) return out;
  for (const auto& row : rows) {
    if (row.where != table::action_cache || !row.value) continue;
    out.push_back(row);
    const auto stored = shared_.get(row.where, row.key);
    auto before = stored && *stored ? decode_cache_row(**stored) : decode_cache_row("");
    auto now = decode_cache_row(*row.value);
    if (!before || !now) continue;
    // The least recently used first, so that ours come to be before it.
    auto merged = std::move(*before);
    for (auto one = now->results.rbegin(); one != now->results.rend(); ++one) merged.add(std::move(*one));
    out.back().value = encode(merged);
  }
  return out;
}

void shown_assets::apply(const publication& what) {
  const std::lock_guard lock(mutex_);
  if (what.complete) assets_.clear();
  for (const auto& path : what.changes.removals) assets_.erase(path);
  for (const auto& one : what.changes.upserts) assets_.insert_or_assign(one.path, one);
}

std::vector<asset_record> shown_assets::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<asset_record> out;
  out.reserve(assets_.size());
  for (const auto& [path, one] : assets_) out.push_back(one);
  return out;
}

std::size_t shown_assets::size() const {
  const std::lock_guard lock(mutex_);
  return assets_.size();
}

journal_actor::behavior_type view_journal(journal_actor::pointer self, std::shared_ptr<view_rows> rows,
                                          journal_actor journal) {
  const auto take = [self, rows = std::move(rows), journal = std::move(journal)](const commit_request& what) {
    (void)rows->write(what.rows, key_value_store::durability::lazy);  // it is memory
    auto shared = rows->shared_of(what.rows);
    if (shared.empty()) return;
    self->send(journal, atom::persist_v,
               std::make_shared<const commit_request>(commit_request{std::move(shared), false}));
  };
  return {
      [take](atom::commit, const commit_ptr& request) -> outcome {
        take(*request);
        return {};
      },
      [take](atom::persist, const commit_ptr& request) { take(*request); },
  };
}

channel_actor::behavior_type view_channel(channel_actor::pointer self, std::shared_ptr<shown_assets> shown,
                                          journal_actor journal) {
  return {
      [self, shown = std::move(shown), journal = std::move(journal)](atom::publish,
                                                                     const publication_ptr& what) {
        shown->apply(*what);
        if (!what->rows.empty())
          self->send(journal, atom::persist_v,
                     std::make_shared<const commit_request>(commit_request{what->rows, false}));
        return publish_outcome{};
      },
      [](atom::answer, const query_ptr& asked) {
        refuse(*asked, {errc::unsupported, "a job's view has no generations"});
      },
      [](atom::fold) -> outcome { return {}; },
      [](atom::rebase) {},
      [](atom::wake, std::uint64_t) {},
  };
}

}  // namespace graphite
