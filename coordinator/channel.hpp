#pragma once

#include <functional>
#include <optional>

#include "bundle/head.hpp"
#include "bundle/index_tree.hpp"
#include "coordinator/build_types.hpp"
#include "core/project.hpp"

namespace graphite {

/// Whether the channel shows assets of this path: included, and not excluded.
bool shows(const channel_spec& spec, std::string_view path);

/// The next generation of a channel, not yet committed.
struct planned_generation {
  head now;
  index_tree tree;
  asset_changes changes;  ///< as the channel shows them, with what their parts need in an index
};

/// What a channel shows and what comes next.
///
/// Pure. One owner. Invariant: (epoch, sequence) only grows; a generation is planned from the one that was
/// committed last, so that at most one is under way.
class channel_core {
 public:
  /// The chunks of a stored content; nothing where it is not stored.
  using chunks_of = std::function<result<std::optional<chunk_list>>(const content_ref&)>;

  /// `newest`: what was committed before, absent for a new channel; `tree` is its index.
  channel_core(channel_spec spec, lineage_id lineage, epoch_number epoch, index_tree tree,
               std::optional<head> newest);

  /// Nothing where `what` changes nothing that this channel shows. `behind`: content of the side object, zero
  /// for none. O(what changed · log n), of a complete one O(n). Errors: not_found (a content that is not
  /// stored; a complete one leaves it as it is), those of index_tree::apply.
  result<std::optional<planned_generation>> plan(const publication& what, const content_ref& behind,
                                                 const chunks_of& chunks, std::int64_t unix_ns) const;
  /// The same for an older index, shown again under a new sequence.
  result<planned_generation> plan_rollback(const index_tree& older, std::int64_t unix_ns) const;
  /// What plan() gave is on disk.
  void committed(planned_generation generation);
  /// Goes on from the pages of `onto`, an earlier index of this channel whose pages have moved; what it shows
  /// stays the same. Nothing may be under way (planned and not committed): it would bring the old pages back.
  /// O(what differs · log n). Errors: those of the trees' sources; then all is as it was.
  result<void> rebase(const index_tree& onto);

  const std::optional<head>& newest() const { return newest_; }
  const index_tree& tree() const { return tree_; }
  const channel_spec& spec() const { return spec_; }
  bool shows(const logical_path& path) const { return graphite::shows(spec_, path.str()); }

 private:
  result<asset_changes> shown_changes(const asset_changes& all, bool leave_missing,
                                      const chunks_of& chunks) const;
  result<asset_changes> changes_to(const publication& all) const;
  head next_head(const index_tree& tree, revision_id revision, const digest& behind,
                 std::int64_t unix_ns) const;

  channel_spec spec_;
  lineage_id lineage_;
  epoch_number epoch_;
  index_tree tree_;
  std::optional<head> newest_;
};

}  // namespace graphite
