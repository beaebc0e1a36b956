#include "coordinator/channel.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace graphite {

bool shows(const channel_spec& spec, std::string_view path) {
  return (spec.include.empty() || any_matches(spec.include, path)) && !any_matches(spec.exclude, path);
}

/// Leaves out what an index adds to a part.
static bool same_content(const asset_record& a, const asset_record& b) {
  return a.references == b.references &&
         std::ranges::equal(a.parts, b.parts, [](const asset_part& x, const asset_part& y) {
           return x.content == y.content && x.codec == y.codec;
         });
}

channel_core::channel_core(channel_spec spec, lineage_id lineage, epoch_number epoch, index_tree tree,
                           std::optional<head> newest)
    : spec_(std::move(spec)),
      lineage_(lineage),
      epoch_(epoch),
      tree_(std::move(tree)),
      newest_(std::move(newest)) {}

/// What a complete publication changes here: one walk over what is shown.
result<asset_changes> channel_core::changes_to(const publication& all) const {
  std::unordered_map<asset_id, const asset_record*> wanted;
  for (const auto& record : all.changes.upserts)
    if (shows(record.path)) wanted.emplace(record.id(), &record);
  std::unordered_set<asset_id> uncertain;
  for (const auto& path : all.uncertain)
    if (shows(path)) uncertain.insert(id_of(path));
  asset_changes out;
  GRAPHITE_CHECK(tree_.for_each([&](const located_asset& now) {
    const auto id = now.record.id();
    const auto found = wanted.find(id);
    if (found == wanted.end() && !uncertain.contains(id)) out.removals.push_back(now.record.path);
    if (found != wanted.end() && same_content(*found->second, now.record)) wanted.erase(found);
    return true;
  }));
  for (const auto& [id, record] : wanted) out.upserts.push_back(*record);
  std::ranges::sort(out.upserts, {}, &asset_record::path);
  std::ranges::sort(out.removals);
  return out;
}

result<asset_changes> channel_core::shown_changes(const asset_changes& all, bool leave_missing,
                                                  const chunks_of& chunks) const {
  asset_changes out;
  for (const auto& record : all.upserts) {
    if (!shows(record.path)) continue;
    auto shown = record;
    bool missing = false;
    for (auto& part : shown.parts) {
      GRAPHITE_TRY(const auto list, chunks(part.content));
      if (!list && !leave_missing)
        return fail(errc::not_found, record.path.str() + ": its content is not stored");
      if (missing = !list; missing) break;
      part = part_of(part.content, *list, part.codec);
    }
    if (missing) continue;
    GRAPHITE_TRY(const auto before, tree_.find(shown.id()));
    if (!before || before->record != shown) out.upserts.push_back(std::move(shown));
  }
  for (const auto& path : all.removals) {  // what the filter hides, too: it may have been shown with another
    GRAPHITE_TRY(const auto before, tree_.find(id_of(path)));
    if (before) out.removals.push_back(path);
  }
  return out;
}

head channel_core::next_head(const index_tree& tree, revision_id revision, const digest& behind,
                             std::int64_t unix_ns) const {
  head out;
  out.channel = spec_.name;
  out.lineage = lineage_;
  out.epoch = epoch_;
  out.sequence = sequence_number{newest_ ? newest_->sequence.value + 1 : 1};
  out.root = tree.root();
  out.assets = tree.assets();
  out.revision = revision;
  out.published_unix_ns = unix_ns;
  out.behind = behind;
  return out;
}

result<std::optional<planned_generation>> channel_core::plan(const publication& what,
                                                             const content_ref& behind,
                                                             const chunks_of& chunks,
                                                             std::int64_t unix_ns) const {
  asset_changes whole;
  if (what.complete) {
    GRAPHITE_TRY(whole, changes_to(what));
  }
  GRAPHITE_TRY(auto changes, shown_changes(what.complete ? whole : what.changes, what.complete, chunks));
  const bool same_behind = newest_ ? newest_->behind == behind.id : behind.id.is_zero();
  if (changes.empty() && (same_behind || what.complete) && newest_) return std::nullopt;
  GRAPHITE_TRY(auto tree, tree_.apply(changes));
  auto now = next_head(tree, what.revision, behind.id, unix_ns);
  return planned_generation{std::move(now), std::move(tree), std::move(changes)};
}

result<planned_generation> channel_core::plan_rollback(const index_tree& older, std::int64_t unix_ns) const {
  GRAPHITE_TRY(auto changes, changes_between(tree_, older));
  // Not `older` itself: its pages may go while this generation is on its way.
  GRAPHITE_TRY(auto tree, tree_.apply(changes));
  GRAPHITE_INVARIANT(tree.root() == older.root());
  // What stands failed still does.
  auto now = next_head(tree, newest_ ? newest_->revision : revision_id{},
                       newest_ ? newest_->behind : digest{}, unix_ns);
  return planned_generation{std::move(now), std::move(tree), std::move(changes)};
}

result<void> channel_core::rebase(const index_tree& onto) {
  GRAPHITE_TRY(const auto changes, changes_between(onto, tree_));
  GRAPHITE_TRY(auto tree, onto.apply(changes));
  GRAPHITE_INVARIANT(tree.root() == tree_.root());
  tree_ = std::move(tree);
  return {};
}

void channel_core::committed(planned_generation generation) {
  GRAPHITE_INVARIANT(!newest_ || generation.now.newer_than(*newest_));
  newest_ = std::move(generation.now);
  tree_ = std::move(generation.tree);
}

}  // namespace graphite
