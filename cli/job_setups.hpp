#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/jobs/snapshot_feed.hpp"

namespace graphite {

/// How a coordinator makes the views of jobs: from project files of snapshots, or from single actions.
///
/// Nothing of the coordinator's machine enters them: no environment, no file, no tool, and nothing is run
/// here for what somebody submits. Tools are what nodes offer under their names. Thread-safe.
class job_setups {
 public:
  explicit job_setups(std::shared_ptr<const hasher> hash);

  /// The nodes that are here now.
  void set_nodes(const std::vector<std::shared_ptr<const control::join>>& nodes);
  /// As long as this lives.
  const view_setups& setups() const { return setups_; }

 private:
  result<view_setup> of_project(std::string_view text, const std::string& file) const;
  result<view_setup> of_action(const action_job& what, const std::vector<logical_path>& inputs) const;
  result<view_setup> finish(project config, std::string prefix) const;

  const std::shared_ptr<const hasher> hash_;
  view_setups setups_;
  mutable std::mutex mutex_;
  std::map<std::string, digest> tools_;
  bool some_nodes_ = false;
  std::uint64_t state_ = 1;
};

}  // namespace graphite
