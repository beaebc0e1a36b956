#include "core/sandbox.hpp"

#include <fmt/format.h>

namespace graphite {

result<sandbox_mode> parse_sandbox_mode(std::string_view text) {
  for (const auto mode : {sandbox_mode::off, sandbox_mode::best, sandbox_mode::required})
    if (text == to_string(mode)) return mode;
  return fail(errc::invalid_argument, fmt::format("'{}' is none of off, best, required", text));
}

std::string_view to_string(sandbox_mode mode) {
  switch (mode) {
    case sandbox_mode::off:
      return "off";
    case sandbox_mode::best:
      return "best";
    case sandbox_mode::required:
      return "required";
  }
  return "off";
}

std::string_view to_string(sandbox_tier tier) {
  switch (tier) {
    case sandbox_tier::none:
      return "none";
    case sandbox_tier::limits:
      return "limits";
    case sandbox_tier::landlock:
      return "landlock";
    case sandbox_tier::bubblewrap:
      return "bubblewrap";
    case sandbox_tier::namespaces:
      return "namespaces";
  }
  return "none";
}

result<sandbox_choice> choose_sandbox(sandbox_mode mode, std::span<const sandbox_offer> offers) {
  sandbox_choice out;
  if (mode == sandbox_mode::off) return out;
  for (const auto& one : offers) {
    if (one.refused.empty()) {
      out.tier = one.tier;
      break;
    }
    out.reason += fmt::format("{}{}: {}", out.reason.empty() ? "" : "; ", to_string(one.tier), one.refused);
  }
  if (mode != sandbox_mode::required || has_namespaces(out.tier)) return out;
  return fail(
      errc::unsupported,
      fmt::format("sandbox = \"required\", but on this machine commands can be shut in by no more than "
                  "'{}' ({}). Let users make namespaces (`sysctl user.max_user_namespaces`, in a container a "
                  "seccomp profile that allows unshare and mount) or install bubblewrap; `graphite doctor` "
                  "tells more. With sandbox = \"best\" the build goes on with less",
                  to_string(out.tier), out.reason));
}

}  // namespace graphite
