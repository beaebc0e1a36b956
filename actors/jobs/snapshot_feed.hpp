#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "actors/jobs/snapshot_walk.hpp"
#include "coordinator/engine.hpp"
#include "coordinator/source_filter.hpp"
#include "core/messages/control.hpp"

namespace graphite {

/// What says how a view is built: a project file of its snapshot, by its logical path there, or one action.
using view_recipe = std::variant<std::string, std::shared_ptr<const action_job>>;

/// What a view's engine and its attempts are made from.
struct view_setup {
  std::string prefix;       ///< where the sources lie in the snapshot, with its last `/`; empty: at its top
  bool every_file = false;  ///< is a source; else what the project's filters let through
  engine_options engine;    ///< without epoch and hasher
  std::map<std::string, digest> tools;           ///< as they enter recipes
  std::vector<control::property> platform = {};  ///< a node must have these
  bool cached = true;                            ///< takes results that are there, and keeps its own
  /// Finds references in a source's bytes; null where its rule has none to find.
  std::function<std::function<std::vector<scanned_reference>(byte_span)>(const rule_spec&,
                                                                         const logical_path&)>
      scan;
};

/// Makes setups. Thread-safe; may block.
struct view_setups {
  /// `file`: a logical path. Errors: invalid_argument (the mistakes, rendered), unsupported; unavailable (no
  /// node is here), busy (none of them has what it needs): later it may go well.
  std::function<result<view_setup>(std::string_view text, const std::string& file)> of_project;
  /// `inputs`: all files of its input root, ascending. Errors: as above.
  std::function<result<view_setup>(const action_job& what, const std::vector<logical_path>& inputs)>
      of_action;
  /// Changes whenever setups of the same text come out otherwise: tools were installed.
  std::function<std::uint64_t()> state = [] { return std::uint64_t{0}; };
};

/// Turns the snapshots of one view into revisions, each by what differs from the last: what a watcher is to a
/// folder. One caller at a time; blocks.
class snapshot_feed {
 public:
  static constexpr std::uint64_t project_bytes_max = 4 * MiB;
  static constexpr std::uint64_t scan_bytes_max = 16 * MiB;  ///< of one file
  static constexpr std::uint64_t scan_at_once_max = 64 * MiB;

  /// All outlive it.
  struct ports {
    view_stores* stores = nullptr;
    const hasher* hash = nullptr;
    const view_setups* setups = nullptr;
  };
  explicit snapshot_feed(ports with) : with_(with) {}

  struct step {
    /// The engine has to be another: from nothing, made from this; `what` names all sources then.
    std::shared_ptr<const view_setup> anew;
    revision what;
  };
  /// The revision that leads to this snapshot. After an error the next one begins from nothing. Errors:
  /// not_found (something is in no store: submit again), invalid_argument (the project file), corrupt (the
  /// snapshot), those of the stores, cancelled.
  result<step> advance(const content_ref& root, const view_recipe& recipe, const cancel_token& cancel);
  /// The snapshot that it has led to.
  const std::optional<content_ref>& root() const { return root_; }

 private:
  using change_list = std::vector<snapshot_change>;
  result<change_list> walk(const std::optional<content_ref>& before, const content_ref& root,
                           const cancel_token& cancel) const;
  result<void> set_up(const change_list& all, const view_recipe& recipe);
  bool is_another(const change_list& changes, const view_recipe& recipe) const;
  result<revision> revision_of(const change_list& changes, bool complete, const cancel_token& cancel);
  result<void> scan(std::vector<source_change>& changes, const cancel_token& cancel) const;

  ports with_;
  std::optional<content_ref> root_;
  std::optional<view_recipe> recipe_;
  std::uint64_t setup_state_ = 0;
  std::shared_ptr<const view_setup> setup_;
  std::optional<source_filter> filter_;
  std::uint64_t revisions_ = 0;
};

}  // namespace graphite
