#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "core/messages/jobs.hpp"

namespace graphite {

/// Jobs that wait for one of the places in which they are built, and which of them goes next.
///
/// By priority; of equal ones the tenant's that has the fewest places; then the job that was accepted first.
/// A priority that was passed over `passed_over_max` times goes first for once, so that none waits for ever.
/// Pure; one thread. O(tenants that wait).
class place_queue {
 public:
  static constexpr std::uint32_t passed_over_max = 16;

  /// `job` is not in it.
  void put(job_id job, const std::string& tenant, job_priority priority);
  /// False where it is not in it.
  bool drop(job_id job);
  /// Takes the next one and gives it a place; nothing: none waits.
  std::optional<job_id> take();
  /// A place of this tenant is free again.
  void leave(const std::string& tenant);
  std::size_t size() const { return where_.size(); }

 private:
  static constexpr std::size_t priorities = 4;
  struct level {
    std::map<std::string, std::set<job_id>> waiting;  ///< by tenant; none is empty
    std::uint32_t passed_over = 0;
  };
  struct place {
    std::string tenant;
    std::size_t priority = 0;
  };
  std::optional<std::size_t> next_level() const;

  std::array<level, priorities> levels_;
  std::unordered_map<job_id, place> where_;
  std::map<std::string, std::uint64_t> places_;  ///< taken, by tenant; none is zero
};

}  // namespace graphite
