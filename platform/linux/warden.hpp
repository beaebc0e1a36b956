#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// A table of running process groups in memory shared with a forked helper, which kills them all once
/// this process has ended in whatever way. Without the helper it is a table only. Thread-safe.
///
/// The helper lies in a read of a pipe whose other end only this process has: the kernel wakes it.
class group_warden {
 public:
  /// Forks the helper where `guard`; a failing fork leaves the table unguarded.
  group_warden(std::size_t groups_max, bool guard);
  ~group_warden();
  group_warden(const group_warden&) = delete;
  group_warden& operator=(const group_warden&) = delete;

  /// A free entry, holding 0; null when all are taken.
  std::atomic<pid_t>* take();
  void give_back(std::atomic<pid_t>* slot);
  bool guarded() const { return helper_ > 0; }

 private:
  [[noreturn]] void watch(int pipe_end) const;

  std::size_t count_;
  std::atomic<pid_t>* table_ = nullptr;
  std::mutex mutex_;
  std::vector<std::atomic<pid_t>*> free_;
  owned_fd life_;  ///< the helper reads the other end
  pid_t helper_ = -1;
};

}  // namespace graphite
