#pragma once

#include <deque>
#include <memory>
#include <string>

#include "coordinator/build_trace.hpp"
#include "core/error.hpp"

namespace graphite {

struct kept_traces_options {
  std::uint64_t bytes_max = 128 * MiB;  ///< the newest one is kept whatever it takes
  std::size_t builds_max = 256;
};

/// The traces of the last builds; the oldest are forgotten first, and counted. Pure, one thread.
class kept_traces {
 public:
  explicit kept_traces(kept_traces_options options = {}) : options_(options) {}

  void add(std::shared_ptr<const build_trace> what);
  /// From action `after` on. `build`: "latest", the number of a generation (or of a job, where it is jobs
  /// that are kept), or "#ID" of a page's head. Errors: invalid_argument, not_found.
  result<trace_page> page(const std::string& build, std::uint64_t after) const;

 private:
  result<std::size_t> find(const std::string& build) const;

  kept_traces_options options_;
  std::deque<std::shared_ptr<const build_trace>> traces_;  ///< the newest last
  std::uint64_t bytes_ = 0, forgotten_ = 0;
};

}  // namespace graphite
