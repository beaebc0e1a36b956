#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace graphite {

/// Runs a shell command after swaps, in a thread of its own and one at a time. Swaps that come while it
/// runs are one run afterwards, with the newest's environment. The command's output goes to standard error.
class exec_runner {
 public:
  using environment = std::map<std::string, std::string>;

  explicit exec_runner(std::string command);
  /// Ends a command that runs and waits for it: SIGTERM to its group, and SIGKILL where anything of that
  /// still runs after two seconds.
  ~exec_runner();

  void notify(environment newest);

 private:
  void run();
  int run_once(const environment& extra);

  const std::string command_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<environment> pending_;
  bool stopping_ = false;
  int child_ = 0;
  std::thread thread_;
};

}  // namespace graphite
