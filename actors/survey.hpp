#pragma once

#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/known_sources.hpp"
#include "coordinator/revision.hpp"
#include "core/error.hpp"

namespace graphite {

/// What is known of the sources. Written by the watcher's thread only, which therefore reads without the
/// lock; other threads read a folder at a time, with it.
class guarded_sources {
 public:
  explicit guarded_sources(known_sources all = {}) : all_(std::move(all)) {}

  /// For the watcher's thread.
  const known_sources& mine() const { return all_; }
  void put(std::string_view path, const stat_signature& signature) {
    const std::unique_lock lock(mutex_);
    all_.put(path, signature);
  }
  bool erase(std::string_view path) {
    const std::unique_lock lock(mutex_);
    return all_.erase(path);
  }

  /// For any thread.
  std::vector<std::string> folders(std::string_view folder) const {
    const std::shared_lock lock(mutex_);
    return all_.folders(folder);
  }
  /// Calls `visit` with each file directly in `folder`, ascending; it must not call back.
  template <class Visit>
  void each_file(std::string_view folder, Visit visit) const {
    const std::shared_lock lock(mutex_);
    for (const auto& one : all_.files(folder)) visit(one);
  }

 private:
  mutable std::shared_mutex mutex_;
  known_sources all_;
};

/// What a look at the tree found, against what was known.
struct tree_survey {
  std::vector<rescan_change> differences;
  std::vector<std::pair<std::string, std::string>> skipped;  ///< path, reason
  std::vector<std::pair<std::string, std::string>> links;    ///< followed: path, target
};
using survey_ptr = std::shared_ptr<const result<tree_survey>>;

}  // namespace graphite
