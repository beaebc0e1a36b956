#include "cli/control_keys.hpp"

#include <fmt/format.h>

#include "core/store_pass.hpp"
#include "platform/crypto/ssl_calls.hpp"
#include "platform/crypto/tls_files.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/keys/key_layout.hpp"
#include "platform/keys/loaded_keys.hpp"

namespace graphite {

result<std::unique_ptr<control_keys>> control_keys::load(const std::string& folder, role wanted,
                                                         const clock_source& clock) {
  leave_no_core_file();
  GRAPHITE_TRY(auto keys, load_node_keys(folder, clock.unix_ns()));
  if (keys.said.what != wanted)
    return fail(errc::permission_denied,
                fmt::format("{} is the part of a {}, and this process is a {}: `graphite keys node DIR NAME "
                            "--role {}` makes its part",
                            folder, to_string(keys.said.what), to_string(wanted), to_string(wanted)));
  std::unique_ptr<control_keys> out(new control_keys(folder, std::move(keys), clock));
  const std::shared_ptr<const message_signer> signer(std::move(out->keys_.role.signer));
  GRAPHITE_TRY(auto self, hello_identity::make(out->keys_.role.statement, signer,
                                               incarnation_id{make_uuid(out->random_)},
                                               {roots_that_count(out->keys_.roots, clock.unix_ns()), {}},
                                               out->verifier_, clock.unix_ns()));
  out->self_ = std::make_shared<const hello_identity>(std::move(self));
  return out;
}

/// At most once a second.
void control_keys::look_locked() {
  const auto now = clock_.unix_ns();
  if (now - looked_unix_ns_ < 1'000'000'000 && now >= looked_unix_ns_) return;
  looked_unix_ns_ = now;
  auto list = load_revoked(key_layout::join(folder_, key_layout::revocations), keys_.roots);
  if (list && list->says.number > keys_.revoked.says.number) keys_.revoked = std::move(*list);
}

role_trust control_keys::trust() {
  const std::lock_guard lock(mutex_);
  look_locked();
  return {roots_that_count(keys_.roots, clock_.unix_ns()), keys_.revoked.says.serials};
}

byte_vector control_keys::revocations() {
  const std::lock_guard lock(mutex_);
  look_locked();
  return keys_.revoked.encoded;
}

result<std::uint64_t> control_keys::take_revocations(byte_span list) {
  GRAPHITE_TRY(auto fresh, verified_list(list, keys_.roots));
  const std::lock_guard lock(mutex_);
  look_locked();
  if (fresh.says.number <= keys_.revoked.says.number) return 0;
  keys_.revoked = std::move(fresh);
  GRAPHITE_CHECK(keep_revocations(key_layout::join(folder_, key_layout::revocations), keys_.revoked.encoded));
  return keys_.revoked.says.number;
}

/// It counts from a while ago: stores have clocks of their own.
result<byte_vector> control_keys::store_ticket(const std::string& tenant, const curve_key& client,
                                               std::int64_t until_unix_ns) const {
  constexpr duration clocks_differ = seconds(300);
  const validity valid{clock_.unix_ns() - clocks_differ.count(), until_unix_ns};
  GRAPHITE_TRY(auto grant, sign_store_pass({tenant, client, valid}, self_->signer()));
  return encode_store_pass({self_->statement(), std::move(grant)});
}

control_security control_keys::security() {
  control_security out;
  out.files = keys_.control;
  out.check_files = [this](const tls_files& files) { return check_tls_files(files, clock_.unix_ns()); };
  out.check_calls = [] { return check_ssl_calls(); };
  out.self = self_;
  out.verifier = &verifier_;
  out.trust = [this] { return trust(); };
  out.random = &random_;
  out.refused_by_tls = [] {
    std::vector<std::string> lines;
    for (const auto& one : take_refused_peers())
      lines.push_back(fmt::format("{}: {}", one.peer.empty() ? "a peer that is gone" : one.peer, one.why));
    return lines;
  };
  return out;
}

store_traffic::enrolling control_keys::enrolling(const curve_key& own) {
  store_traffic::enrolling out;
  out.shown = {own, *self_};
  out.verifier = &verifier_;
  out.random = &traffic_random_;
  out.trust = [this] { return trust(); };
  return out;
}

store_port_security control_keys::store_security(const curve_key& own, log_sink& log) {
  store_access::options how;
  how.roles = {role::coordinator, role::node, role::watch};
  store_access access(*self_, own, trust(), how, verifier_);
  access.admit(own);
  return {std::move(access), &port_random_, &log};
}

}  // namespace graphite
