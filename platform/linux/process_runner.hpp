#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ports/process_runner.hpp"

namespace graphite {

class group_warden;

struct linux_process_options {
  std::size_t running_max = 1024;     ///< processes at once; beyond it run() is refused with busy
  milliseconds group_end_max{5'000};  ///< how long a killed group may take to vanish before run() gives up
  bool warden = true;                 ///< a helper process that kills the groups when this process dies
};

/// What else one run has and is asked.
struct run_extras {
  std::vector<int> descriptors;  ///< the process has copies of them as 3, 4 …
  /// Asked every `look_every` while it runs, with its number; a text ends it and is the outcome's over_limit.
  std::function<std::string(pid_t)> look;
  milliseconds look_every{250};
};

/// Runs processes by vfork + exec: the cost does not depend on how large this process is.
///
/// Each process leads a group of its own, with /dev/null as standard input, no other descriptors, no core
/// files, default signals, RLIMIT_DATA as memory limit (per process; address space that is only reserved
/// does not count). When it ends, is cancelled or runs out of time the whole group is killed. Descendants
/// that leave the group (setsid) are not followed: that needs a sandbox.
///
/// Nothing of the groups outlives this process, kill -9 included: the kernel kills the leaders
/// (PR_SET_PDEATHSIG), the warden, a process forked by the constructor that waits for this one's end, the
/// rest. Make the runner early, while the process is small: the warden shares its memory copy-on-write.
///
/// Thread-safe. A thread that calls run() must live until it returns. Waits in the kernel, never polls.
class linux_process_runner final : public process_runner {
 public:
  explicit linux_process_runner(linux_process_options options = {});
  ~linux_process_runner() override;

  result<process_outcome> run(const process_spec& spec, const cancel_token& cancel) override;
  result<process_outcome> run(const process_spec& spec, const cancel_token& cancel, const run_extras& more);

 private:
  linux_process_options options_;
  std::unique_ptr<group_warden> warden_;
};

}  // namespace graphite
