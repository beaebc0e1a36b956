#include "cli/job_needs.hpp"

#include <set>

#include "bundle/asset_list.hpp"
#include "bundle/snapshot_diff.hpp"

namespace graphite {

namespace {

constexpr std::size_t folders_at_once = 64;

void mark_one(const content_marker& mark, const digest& content) { mark(std::span(&content, 1)); }

result<void> mark_tree(const content_ref& root, view_stores& stores, const hasher& hash,
                       const content_marker& mark) {
  mark_one(mark, root.id);
  GRAPHITE_TRY(auto walk, snapshot_diff::between(std::nullopt, root, hash));
  std::size_t marked = 0;
  while (walk.wants_more()) {
    const auto wanted = walk.wanted(folders_at_once);
    GRAPHITE_TRY(const auto found, stores.read(wanted, snapshot_limits::object_bytes_max + 1));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      mark_one(mark, wanted[i].id);
      if (found[i]) GRAPHITE_CHECK(walk.supply(wanted[i], *found[i]));
    }
    for (; marked < walk.found().size(); ++marked) mark_one(mark, walk.found()[marked].after->content.id);
  }
  return {};
}

result<void> mark_listing(const content_ref& listing, view_stores& stores, const content_marker& mark) {
  mark_one(mark, listing.id);
  GRAPHITE_TRY(const auto found, stores.read(std::span(&listing, 1), listing.size));
  if (!found.front()) return {};
  GRAPHITE_TRY(const auto assets, decode_asset_list(*found.front()));
  for (const auto& asset : assets)
    for (const auto& part : asset.parts) mark_one(mark, part.content.id);
  return {};
}

/// What is wrong in the bytes stays wrong; all else may go well later.
result<void> unless_wrong(result<void> marked, const content_ref& what, log_sink& log) {
  if (marked || marked.error().code == errc::unavailable || marked.error().code == errc::cancelled ||
      marked.error().code == errc::io)
    return marked;
  log.warn("what {} names is not kept in stores: {}", to_hex(what.id), marked.error().context);
  return {};
}

}  // namespace

result<void> mark_needed(const needed_contents& needed, view_stores& stores, const hasher& hash,
                         log_sink& log, const content_marker& mark) {
  mark(needed.contents);
  for (const auto& tree : std::set(needed.trees.begin(), needed.trees.end()))
    GRAPHITE_CHECK(unless_wrong(mark_tree(tree, stores, hash, mark), tree, log));
  for (const auto& listing : std::set(needed.listings.begin(), needed.listings.end()))
    GRAPHITE_CHECK(unless_wrong(mark_listing(listing, stores, mark), listing, log));
  return {};
}

}  // namespace graphite
