#pragma once

#include <optional>
#include <vector>

#include "core/ports/topology.hpp"

namespace graphite::doctor {

/// Where an online processor of the machine is, whoever may use it.
struct processor_place {
  int number = 0;
  unsigned node = 0;
  int core = 0;  ///< the lowest number among its SMT siblings
  int package = 0;
};

/// How a machine is drawn: by node, by core.
struct drawn_processor {
  int number = 0;
  bool usable = true;
};
struct drawn_core {
  std::vector<drawn_processor> processors{};  ///< SMT siblings, ascending
};
struct drawn_node {
  numa_node node{};
  std::optional<int> package{};  ///< that all its processors are in; none: not known, or of several
  std::vector<drawn_core> cores{};
};
struct drawn_machine {
  std::vector<drawn_node> nodes{};  ///< ascending by number
  std::size_t packages = 1, online = 0, usable = 0, cores = 0;
  bool distances = false;  ///< known, and of more than one node
};

/// `places` tells of siblings and of processors that may not be used; without it each usable processor is
/// drawn by itself. Pure.
drawn_machine lay_out(const machine_topology& machine, const std::vector<processor_place>& places);

}  // namespace graphite::doctor
