#pragma once

#include <future>
#include <mutex>

#include "actors/live_filter.hpp"
#include "actors/survey.hpp"
#include "platform/linux/tree_scan.hpp"

namespace graphite {

/// Compares a tree with what is known of it; a filter decides what counts. Thread-safe.
class tree_surveyor {
 public:
  /// `filter` outlives this.
  tree_surveyor(std::string root, live_filter& filter) : root_(std::move(root)), filter_(filter) {}

  /// Starts to list the whole tree on threads of its own, while the caller loads what it will be compared
  /// with. Only for a process that watches nothing: a change after its file was looked at is not seen.
  void list_ahead();
  /// The tree at or below `folder` (empty: all) against `known`. Takes the listing that was made ahead, once.
  /// Blocks. Errors: those of scan_and_compare.
  result<tree_survey> survey(const std::string& folder, const guarded_sources& known);
  /// Drops a listing that was made ahead: the filter has changed since.
  void forget();

 private:
  tree_scan_options options(std::string folder) const;
  result<tree_listing> listing(const tree_scan_options& wanted);

  std::string root_;
  live_filter& filter_;
  std::mutex mutex_;
  std::future<result<tree_listing>> ahead_;  ///< its destructor waits for the listing's end
};

}  // namespace graphite
