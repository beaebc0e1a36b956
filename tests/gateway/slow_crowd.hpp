#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/raw_client.hpp"

namespace graphite::test {

/// A thousand clients of one port, each of which says one of some beginnings and then nothing more, as long
/// as this lives. Raises the process's limit of open files meanwhile.
class slow_crowd {
 public:
  static constexpr std::size_t size = 1'000;

  /// Whether a process may have two crowds, and their other ends, at all.
  static bool allowed() {
    rlimit files{};
    return ::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max >= files_wanted;
  }

  slow_crowd(const std::string& address, const std::vector<std::string>& beginnings) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto files = before_;
    files.rlim_cur = std::max(files.rlim_cur, files_wanted);
    ::setrlimit(RLIMIT_NOFILE, &files);
    for (std::size_t i = 0; i < size; ++i) {
      clients_.push_back(std::make_unique<raw_client>(address));
      EXPECT_TRUE(clients_.back()->connected()) << "client " << i;
      clients_.back()->send(beginnings[i % beginnings.size()]);
    }
  }
  slow_crowd(const slow_crowd&) = delete;
  slow_crowd& operator=(const slow_crowd&) = delete;
  ~slow_crowd() {
    clients_.clear();
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  static constexpr rlim_t files_wanted = 5 * size;

  rlimit before_{};
  std::vector<std::unique_ptr<raw_client>> clients_;
};

}  // namespace graphite::test
