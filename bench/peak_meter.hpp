#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace graphite::bench {

/// What a program that keeps or follows a bundle costs, in bytes.
struct footprint {
  double resident = 0;   ///< memory, of its own and of files it has mapped
  double anonymous = 0;  ///< of these its own
  double disk = 0;       ///< blocks of the bundle's files, each inode once
  double ahead = 0;      ///< of these beyond the files' ends: reserved for what is to come
  double all() const { return resident + disk; }
};

/// One look at what this process and a folder cost takes some ten microseconds: counters of the kernel, and a
/// stat() of files that are listed again only where a folder has changed. One thread.
///
/// Does not see: files that come and go between two looks; pages that are in memory without being mapped.
/// Memory counts as a whole where other processes map it, too: differences are what is meant.
class footprint_reader {
 public:
  explicit footprint_reader(std::string folder);
  ~footprint_reader();
  footprint_reader(const footprint_reader&) = delete;
  footprint_reader& operator=(const footprint_reader&) = delete;

  footprint look();

 private:
  struct listed_folder {
    std::string path;
    timespec changed;
  };
  bool has_changed() const;
  void list();

  const std::string root_;
  const int statm_;
  std::vector<listed_folder> folders_;
  std::vector<std::string> files_;
};

/// What this process has in memory, from page to page: exact, and takes milliseconds. (PSS is no better: the
/// share of the libraries' pages changes when any program on the machine starts or ends.)
double walked_bytes();

/// Looks again and again from a thread of its own, and keeps the highest sum.
class peak_meter {
 public:
  /// Returns after the first look.
  explicit peak_meter(const std::string& folder);
  ~peak_meter();
  void wait_for_looks(std::uint64_t count);
  /// What the first look saw: the meter's own memory is in it.
  footprint first();
  footprint newest();
  footprint peak();
  std::uint64_t looks();

 private:
  void run(const std::string& folder);

  std::mutex mutex_;
  std::condition_variable changed_;
  footprint first_, newest_, peak_;
  std::uint64_t looks_ = 0;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace graphite::bench
