#pragma once

#include <map>
#include <string>
#include <vector>

namespace graphite {

/// argv or environ as execve wants it: pointers into `texts`, which outlives them unchanged, and a null.
inline std::vector<char*> c_strings(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

/// `NAME=value` of each variable.
inline std::vector<std::string> environment_lines(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> out;
  out.reserve(variables.size());
  for (const auto& [name, value] : variables) out.push_back(name + '=' + value);
  return out;
}

}  // namespace graphite
