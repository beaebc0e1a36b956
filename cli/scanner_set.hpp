#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/project.hpp"
#include "transforms/scanners.hpp"

namespace graphite {

/// The scanner of each rule that has references.
class scanner_set {
 public:
  static result<scanner_set> make(const project& config) {
    scanner_set out;
    for (const auto& rule : config.rules) {
      if (rule.references.empty()) continue;
      GRAPHITE_TRY(auto made, scanner::make(rule.references));
      out.by_rule_.emplace(rule.name, std::move(made));
    }
    return out;
  }
  std::function<std::vector<scanned_reference>(byte_span)> for_source(const rule_spec& rule,
                                                                      const logical_path& path) const {
    const auto found = by_rule_.find(rule.name);
    if (found == by_rule_.end()) return {};
    return [&one = found->second, path](byte_span bytes) { return one.scan(path, bytes); };
  }

 private:
  std::map<std::string, scanner> by_rule_;
};

}  // namespace graphite
