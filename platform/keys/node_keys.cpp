#include "platform/keys/node_keys.hpp"

#include <fmt/format.h>

#include "platform/crypto/ed25519.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/keys/key_layout.hpp"
#include "platform/keys/loaded_keys.hpp"

namespace graphite {

namespace {

constexpr std::size_t node_file_bytes_max = 64 * KiB;

result<secret_bytes> read_node_file(const std::string& path) {
  auto out = read_secret_file(path, node_file_bytes_max);
  if (!out && out.error().code == errc::not_found)
    return fail(errc::not_found,
                path + " is not there: `graphite keys node DIR NAME` makes such a folder, DIR/nodes/NAME");
  return out;
}

}  // namespace

result<node_keys> load_node_keys(const std::string& folder, std::int64_t now_unix_ns) {
  GRAPHITE_CHECK(check_key_folder(folder));
  const auto at = [&](std::string_view name) { return key_layout::join(folder, name); };
  const auto in_file = [&](std::string_view name, const error& what) {
    return fail(what.code, fmt::format("{}: {}", at(name), what.context));
  };
  node_keys out;
  GRAPHITE_TRY(const auto pins, read_node_file(at(key_layout::root_pins)));
  auto roots = parse_pins(as_text(pins.view()));
  if (!roots) return in_file(key_layout::root_pins, roots.error());
  out.roots = std::move(*roots);
  GRAPHITE_TRY(const auto secret, read_node_file(at(key_layout::role_secret)));
  auto key = parse_signing_key(secret.view());
  if (!key) return in_file(key_layout::role_secret, key.error());
  out.role = std::move(*key);
  GRAPHITE_TRY(out.revoked, load_revoked(at(key_layout::revocations), out.roots));
  const ed25519_verifier verifier;
  result<role_key_statement> said = fail(errc::permission_denied, std::string(roots_have_ended));
  for (const auto& root : roots_that_count(out.roots, now_unix_ns))
    if (said = verified_role_key(out.role.statement, root, verifier); said) break;
  if (!said) return in_file(key_layout::role_secret, said.error());
  if (said->key != out.role.signer->key())
    return fail(errc::corrupt, at(key_layout::role_secret) + ": a secret of another key");
  out.said = *said;
  out.control = {at("control.crt"), at("control.key"), at("control-ca.crt")};
  return out;
}

}  // namespace graphite
