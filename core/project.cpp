#include "core/project.hpp"

namespace graphite {

const rule_spec* project::rule_for(std::string_view path) const {
  for (const auto& rule : rules)
    if (any_matches(rule.match, path) && !any_matches(rule.exclude, path)) return &rule;
  return nullptr;
}

}  // namespace graphite
