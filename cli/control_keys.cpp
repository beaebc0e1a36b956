#include "cli/control_keys.hpp"

#include <fmt/format.h>

#include "platform/crypto/ssl_calls.hpp"
#include "platform/crypto/tls_files.hpp"

namespace graphite {

result<std::unique_ptr<control_keys>> control_keys::load(const std::string& folder, role wanted,
                                                         const clock_source& clock) {
  GRAPHITE_TRY(auto keys, load_node_keys(folder, clock.unix_ns()));
  if (keys.said.what != wanted)
    return fail(errc::permission_denied,
                fmt::format("{} is the part of a {}, and this process is a {}: `graphite keys node DIR NAME "
                            "--role {}` makes its part",
                            folder, to_string(keys.said.what), to_string(wanted), to_string(wanted)));
  std::unique_ptr<control_keys> out(new control_keys(std::move(keys), clock));
  const std::shared_ptr<const message_signer> signer(std::move(out->keys_.role.signer));
  GRAPHITE_TRY(auto self, hello_identity::make(out->keys_.role.statement, signer,
                                               incarnation_id{make_uuid(out->random_)},
                                               {roots_that_count(out->keys_.roots, clock.unix_ns()), {}},
                                               out->verifier_, clock.unix_ns()));
  out->self_ = std::make_shared<const hello_identity>(std::move(self));
  return out;
}

control_security control_keys::security() {
  control_security out;
  out.files = keys_.control;
  out.check_files = [this](const tls_files& files) { return check_tls_files(files, clock_.unix_ns()); };
  out.check_calls = [] { return check_ssl_calls(); };
  out.self = self_;
  out.verifier = &verifier_;
  out.trust = [this] { return role_trust{roots_that_count(keys_.roots, clock_.unix_ns()), {}}; };
  out.random = &random_;
  return out;
}

}  // namespace graphite
