#include "coordinator/output_names.hpp"

#include <algorithm>

namespace graphite {

namespace {

const std::set<std::uint32_t>& found_in(const std::map<std::uint32_t, std::set<std::uint32_t>>& sets,
                                        std::uint32_t key) {
  static const std::set<std::uint32_t> none;
  const auto found = sets.find(key);
  return found == sets.end() ? none : found->second;
}

}  // namespace

void name_claims::add(action_index action, artefact_index name) {
  if (by_name_[name].insert(action).second) by_action_[action].push_back(name);
}

std::vector<artefact_index> name_claims::withdraw(action_index action) {
  auto node = by_action_.extract(action);
  if (!node) return {};
  for (const auto name : node.mapped()) {
    auto& by = by_name_.at(name);
    by.erase(action);
    if (by.empty()) by_name_.erase(name);
  }
  return std::move(node.mapped());
}

const std::set<action_index>& name_claims::of(artefact_index name) const { return found_in(by_name_, name); }

void former_outputs::add(artefact_index output, artefact_index main) {
  if (main_of_.emplace(output, main).second) by_main_[main].insert(output);
}

artefact_index former_outputs::remove(artefact_index output) {
  const auto node = main_of_.extract(output);
  if (!node) return no_index;
  const auto main = node.mapped();
  auto& left = by_main_.at(main);
  left.erase(output);
  if (!left.empty()) return no_index;
  by_main_.erase(main);
  return main;
}

const std::set<artefact_index>& former_outputs::of(artefact_index main) const {
  return found_in(by_main_, main);
}

std::vector<artefact_index> former_outputs::mains() const {
  std::vector<artefact_index> out;
  for (const auto& [main, outputs] : by_main_) out.push_back(main);
  return out;
}

}  // namespace graphite
