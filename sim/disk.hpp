#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "sim/events.hpp"
#include "sim/random.hpp"

namespace graphite::sim {

/// A file of records that outlives its process. What is appended is safe once a sync that began later has
/// ended; of the rest a crash leaves any first part, the last record torn.
class disk {
 public:
  disk(process& owner, random& any) : owner_(owner), any_(any) {}

  /// `done` once it is safe, or with out_of_space: then nothing was written.
  void append(std::vector<std::string> records, std::function<void(result<void>)> done);
  /// The process is gone.
  void crash();
  /// All records that are whole; the rest is cut off.
  std::vector<std::string> replay();

  bool busy() const { return !written_.empty(); }
  bool full = false;
  std::uint64_t torn = 0;  ///< crashes that cut a record

 private:
  process& owner_;
  random& any_;
  std::string safe_, written_;  ///< `written_`: since then
};

}  // namespace graphite::sim
