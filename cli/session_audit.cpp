#include "cli/session_audit.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace graphite {

std::string own_name() { return fmt::format("uid {} (pid {})", ::getuid(), ::getpid()); }

audit_entry published_entry(const head& now) {
  return {own_name(), "publish",
          fmt::format("{} {}.{} root {}", now.channel, now.epoch.value, now.sequence.value, to_hex(now.root)),
          false};
}

audit_entry keys_entry(const publisher_keys& now) {
  constexpr std::size_t told_max = 64;  // a line is bounded; the list itself has them all
  const auto& serials = now.revoked.serials;
  std::string revoked = serials.size() > told_max ? " …" : "";
  for (auto one = std::prev(serials.end(), static_cast<std::ptrdiff_t>(std::min(serials.size(), told_max)));
       one != serials.end(); ++one)
    revoked += fmt::format(" {}", *one);
  return {own_name(), "keys",
          fmt::format("{} channels, revoked list {}:{}", now.channels.size(), now.revoked.number,
                      revoked.empty() ? " nothing" : revoked)};
}

}  // namespace graphite
