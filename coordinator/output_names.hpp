#pragma once

#include <map>
#include <set>
#include <vector>

#include "coordinator/graph.hpp"

namespace graphite {

/// Names that an action wants as outputs and does not get: something else has them.
///
/// Pure. Invariant: both directions say the same.
class name_claims {
 public:
  void add(action_index action, artefact_index name);
  /// Takes back all claims of `action`; returns the names. Each once, in the order of add().
  std::vector<artefact_index> withdraw(action_index action);
  bool any_of(action_index action) const { return by_action_.count(action) != 0; }
  /// The actions that want `name`, ascending.
  const std::set<action_index>& of(artefact_index name) const;

 private:
  std::map<artefact_index, std::set<action_index>> by_name_;
  std::map<action_index, std::vector<artefact_index>> by_action_;
};

/// Outputs that are shown, were made once by the action of a main input, and are not made by it any more: the
/// row of that main input has to stay until the channel shows none of them.
///
/// Pure. Invariant: both directions say the same; an output has one former main input, the first.
class former_outputs {
 public:
  void add(artefact_index output, artefact_index main);
  /// `output` is shown as it should be. Returns its main input where that was the last one of it.
  artefact_index remove(artefact_index output);
  bool has(artefact_index output) const { return main_of_.count(output) != 0; }
  /// Of a main input, ascending.
  const std::set<artefact_index>& of(artefact_index main) const;
  /// The main inputs that have some, ascending.
  std::vector<artefact_index> mains() const;

 private:
  std::map<artefact_index, artefact_index> main_of_;
  std::map<artefact_index, std::set<artefact_index>> by_main_;
};

}  // namespace graphite
