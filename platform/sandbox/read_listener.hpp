#pragma once

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/error.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// Hears which paths the processes behind a system call filter ask for, and lets each call go on: what is
/// denied is denied by who has to. What a call names may have changed when it is read: a report, no decision.
///
/// A thread of its own, until the last process behind the filter has ended or stop() is called.
class read_listener {
 public:
  static constexpr std::size_t paths_max = 16'384;

  /// Errors: io.
  static result<std::unique_ptr<read_listener>> start();
  ~read_listener();
  read_listener(const read_listener&) = delete;
  read_listener& operator=(const read_listener&) = delete;

  /// What the process behind the filter sends its descriptor through.
  int socket() const { return theirs_.get(); }
  /// All that was asked for, absolute, ascending; the first paths_max of them. Ends the thread.
  std::vector<std::string> stop();

 private:
  read_listener() = default;
  void run();
  owned_fd receive() const;
  bool answer_one(int listener);
  void note(unsigned process, int call, const unsigned long long* arguments);

  owned_fd ours_, theirs_, wake_;
  std::set<std::string> paths_;
  std::thread thread_;
};

}  // namespace graphite
