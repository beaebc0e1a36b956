#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace graphite {

/// So much of a resource that has a name: a graphics card, a licence.
struct resource_amount {
  std::string name;
  std::uint32_t count = 0;
  bool operator==(const resource_amount&) const = default;
};

/// What an attempt takes of its domain while it runs.
struct attempt_needs {
  std::uint32_t cpu_milli = 1000;
  std::uint64_t memory_bytes = 0;
  std::vector<resource_amount> resources;
  bool operator==(const attempt_needs&) const = default;
};

/// What a rule's actions ask of a cluster. No part of any key: it decides where they run, not what they make.
struct rule_demand {
  attempt_needs needs;
  std::uint32_t at_once = 0;  ///< of them in the whole cluster; 0: as many as fit
  bool operator==(const rule_demand&) const = default;
};

}  // namespace graphite
