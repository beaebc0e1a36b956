#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace graphite::bench {

/// A process that writes two bundles, as a subscriber's does beside the program that reads: one that is
/// followed, and one that nobody looks at.
class writer_process {
 public:
  enum class which : char { followed = 'f', other = 'o' };
  struct sizes {
    std::size_t assets = 0, bytes_each = 0, changed_each_time = 0;
  };

  /// Returns when the first generations are there. Forks: before this process has threads.
  writer_process(const std::string& followed, const std::string& other, const sizes& how);
  ~writer_process();
  writer_process(const writer_process&) = delete;
  writer_process& operator=(const writer_process&) = delete;

  /// Asks for the next generation; does not wait for it.
  void change(which one);
  /// Until all that was asked for is written.
  void wait();
  /// Of the followed bundle's newest generation.
  std::uint64_t sequence() const { return sequence_; }

 private:
  [[noreturn]] void serve(const std::string& followed, const std::string& other, const sizes& how) const;

  pid_t pid_ = -1;
  int ask_ = -1, done_ = -1;
  std::uint64_t asked_ = 1, answered_ = 0, sequence_ = 1;
};

}  // namespace graphite::bench
