#include "cli/doctor/port_checks.hpp"

#include <fmt/format.h>

#include <string_view>

namespace graphite::doctor {

namespace {

/// What `graphite dev` has it for, and the option that names another; empty: kept for later.
struct port_use {
  std::string_view what, option;
};

port_use use_of(std::uint16_t port) {
  switch (port) {
    case 7402:
      return {"heads", "--heads-port"};
    case 7403:
      return {"chunks", "--chunks-port"};
    case 7404:
      return {"metrics", "--metrics-port"};
    default:
      return {};
  }
}

finding judge_port(const port_facts& facts) {
  const auto name = fmt::format("port_{}", facts.port);
  const auto [what, option] = use_of(facts.port);
  const auto purpose = what.empty() ? std::string("not used by this version") : std::string(what);
  if (!facts.refused.empty())
    return warning(name, fmt::format("{}: cannot be listened on: {}", purpose, facts.refused),
                   "Bring the loopback up: `ip link set lo up`.");
  if (!facts.taken) return ok(name, purpose + ": free");
  const auto who = facts.program.empty() ? std::string("another user's program")
                                         : fmt::format("{} ({})", facts.program, facts.process);
  const auto found = fmt::format("{}: taken by {}", purpose, who);
  // Of a service of our own nothing needs to change.
  if (what.empty() || facts.program.starts_with("graphite")) return ok(name, found);
  const auto find_out =
      fmt::format("`ss -ltnp 'sport = :{}'` as root tells who has it; end that program, or ", facts.port);
  return warning(name, found + ": `graphite dev` takes a free port instead",
                 fmt::format("{}name another port for all: `graphite dev {} PORT`.",
                             facts.program.empty() ? find_out : "End that program, or ", option));
}

}  // namespace

findings judge_ports(const std::vector<port_facts>& facts) {
  findings out;
  for (const auto& one : facts) out.push_back(judge_port(one));
  return out;
}

}  // namespace graphite::doctor
