#pragma once

#include <mutex>
#include <optional>

#include "cli/console.hpp"
#include "cli/progress.hpp"

namespace graphite {

/// The progress of long work on standard error, fed by several threads; of a build first files, then actions.
class live_progress {
 public:
  /// Nothing is shown where the console speaks JSON.
  explicit live_progress(const console& out);
  ~live_progress();  ///< finish()es

  void files(std::size_t done, std::size_t all, const std::string& now);
  void actions(std::size_t done, std::size_t all, const std::string& now);
  /// Contents that are brought to stores; `what` was sent so far.
  void uploads(std::size_t done, std::size_t all, const std::string& what);
  /// Files of a job that are brought here.
  void fetches(std::size_t done, std::size_t all);
  /// Of a collection of garbage; `what` is looked at.
  void collection(std::size_t done, std::size_t all, const std::string& what);
  void finish();

 private:
  void show(const char* title, const char* unit, std::size_t done, std::size_t all, const std::string& now);

  std::mutex mutex_;
  bool quiet_;
  terminal_info terminal_;
  std::string unit_;
  std::optional<progress> bar_;
};

}  // namespace graphite
