#pragma once

#include <optional>

#include "cli/doctor/finding.hpp"
#include "platform/linux/memory_facts.hpp"

namespace graphite::doctor {

/// A limit of a control group: the least of this process's group and of those above it that can be seen.
struct group_limit {
  std::optional<std::uint64_t> most{};  ///< none: unlimited
  std::uint64_t used = 0;               ///< of the group that has it
  std::string group{};                  ///< its folder
};

struct memory_report {
  memory_facts facts{};
  group_limit limit{};
  std::size_t threads = 1;  ///< that will run actions
};

/// `page_size`, `cache_line`, `huge_pages`, `transparent_huge_pages`, `memory_limit`. Pure.
findings judge_memory(const memory_report& report);

}  // namespace graphite::doctor
