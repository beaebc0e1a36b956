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
  std::string revoked;
  for (const auto serial : now.revoked.serials) revoked += fmt::format(" {}", serial);
  return {own_name(), "keys",
          fmt::format("{} channels, revoked list {}:{}", now.channels.size(), now.revoked.number,
                      revoked.empty() ? " nothing" : revoked)};
}

}  // namespace graphite
