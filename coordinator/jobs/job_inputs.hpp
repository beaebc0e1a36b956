#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

#include "bundle/snapshot_diff.hpp"

namespace graphite {

struct job_inputs_options {
  std::size_t fetches_max = 64;       ///< objects that are fetched at once
  std::size_t questions_max = 4'096;  ///< contents of one question
  std::size_t told_max = 1'000;       ///< missing contents that are named; the rest is counted
  snapshot_limits limits;
};

/// Looks which contents of a job's snapshot the stores lack, and what its files are. An object that is
/// missing hides what it leads to: what is missing there is found when it has come.
///
/// Pure; one thread. What the view's last snapshot has is taken to be there, so a look costs what has
/// changed: O(changed). Objects may come from anybody (snapshot_diff checks them). Empty files need no store.
class job_inputs {
 public:
  /// `before`: the view's last snapshot, if there is one. Errors: corrupt (no roots).
  static result<job_inputs> begin(std::optional<content_ref> before, const content_ref& root,
                                  const hasher& hash, const job_inputs_options& options = {});

  /// Objects to be fetched now; each is answered once by fetched() or absent(). Call again after each answer.
  std::vector<content_ref> to_fetch();
  /// Errors: those of snapshot_diff: the snapshot is none, and the job fails.
  result<void> fetched(const content_ref& object, byte_span bytes);
  void absent(const content_ref& object);
  /// Contents to ask the stores for now, answered once by answered(); empty: none now.
  std::vector<content_ref> to_ask();
  /// `there`: one for each of a question's contents.
  void answered(std::span<const content_ref> contents, const std::vector<bool>& there);

  bool done() const;
  /// Once done. Contents that are missing, as far as could be seen.
  std::uint64_t missing() const { return missing_; }
  std::uint64_t missing_bytes() const { return missing_bytes_; }
  const std::vector<content_ref>& first_missing() const { return first_missing_; }
  /// Once done, where nothing is missing: what differs from `before`, ascending by path.
  std::vector<snapshot_change> take_changes();

 private:
  job_inputs(snapshot_diff diff, const job_inputs_options& options)
      : diff_(std::move(diff)), options_(options) {}
  void lacks(const content_ref& content);

  snapshot_diff diff_;
  job_inputs_options options_;
  std::size_t fetching_ = 0, asking_ = 0;
  std::size_t looked_at_ = 0;    ///< of what diff_ has found
  std::set<content_ref> asked_;  ///< file contents
  std::uint64_t missing_ = 0, missing_bytes_ = 0;
  std::vector<content_ref> first_missing_;
};

}  // namespace graphite
