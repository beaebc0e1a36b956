#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace graphite::doctor {

enum class finding_state : std::uint8_t {
  ok,
  note,     ///< all works, something could be better
  warning,  ///< something works less well, or will fail under load
  bad       ///< something does not work
};
std::string_view name_of(finding_state state);

/// What one check found. Names are stable: scripts look for them.
struct finding {
  std::string name{};
  finding_state state = finding_state::ok;
  std::string found{};
  std::string advice{};  ///< what to change; empty exactly where the state is ok
};
using findings = std::vector<finding>;

inline finding ok(std::string name, std::string found) {
  return {std::move(name), finding_state::ok, std::move(found), {}};
}
inline finding note(std::string name, std::string found, std::string advice) {
  return {std::move(name), finding_state::note, std::move(found), std::move(advice)};
}
inline finding warning(std::string name, std::string found, std::string advice) {
  return {std::move(name), finding_state::warning, std::move(found), std::move(advice)};
}
inline finding bad(std::string name, std::string found, std::string advice) {
  return {std::move(name), finding_state::bad, std::move(found), std::move(advice)};
}

/// "7.8 GiB", "512 B". Pure.
std::string text_of_bytes(std::uint64_t bytes);
/// "1 node", "3 nodes". Pure.
std::string counted(std::uint64_t count, std::string_view what);
/// `words` with commas between. Pure.
std::string listed(const std::vector<std::string>& words);

}  // namespace graphite::doctor
