#include "cli/service_access.hpp"

#include "gateway/listen_address.hpp"
#include "platform/linux/clock.hpp"

namespace graphite {

namespace {

std::shared_ptr<const tls_identity> identity_of(const tls_keys& keys) {
  auto out = std::make_shared<tls_identity>();
  out->certificate = keys.own.certificate;
  out->key = keys.own.key.copy();
  out->authority = keys.authority;
  return out;
}

}  // namespace

service_access::service_access(service_access_options options, session_keys* keys, log_sink& log)
    : options_(std::move(options)), keys_(keys), log_(log), policy_({options_.tenant, {}, {}}, verifier_) {}

service_access::~service_access() { stop_following(); }

network_options service_access::network() const {
  network_options out;
  out.certificates_at = options_.certificates_at;
  out.tokens_at = options_.tokens_at;
  out.access.tenant = options_.tenant;
  out.verifier = &verifier_;
  out.revocations = revocations_;
  if (keys_ != nullptr) {
    const auto now = keys_->now();
    revocations_->update(now->revoked);  // before anybody is let in
    out.keys = identity_of(now->clients);
    out.access.roots = now->roots;
  }
  return out;
}

result<http_server_options> service_access::operators(const local_service& clients) const {
  http_server_options out;
  out.port = options_.metrics_port;
  out.any_port_if_taken = options_.any_metrics_port_if_taken;
  if (!options_.operators_at.empty()) {
    GRAPHITE_TRY(const auto at, parse_listen_address(options_.operators_at));
    out.address = at.host;
    out.port = at.port;
    out.any_port_if_taken = at.port == 0;
  }
  if (operators_show_certificates()) {
    out.keys = identity_of(keys_->now()->operators);
    out.may_ask = [this](const http_peer& who) -> result<void> {
      return operator_of(who).map([](const access_grant&) {});
    };
  }
  out.may_see_status = [this, &clients](const http_peer& who) { return may_see_status(who, clients); };
  return out;
}

result<access_grant> service_access::operator_of(const http_peer& who) const {
  return policy_.by_certificate(who.common_name, *revocations_->now(), system_clock_source().unix_ns());
}

result<void> service_access::may_see_status(const http_peer& who, const local_service& clients) const {
  if (operators_show_certificates()) {
    GRAPHITE_TRY(const auto grant, operator_of(who));
    return policy_.permits(grant, verb::query, *revocations_->now(), system_clock_source().unix_ns());
  }
  if (keys_ != nullptr)
    return fail(
        errc::permission_denied,
        "the status is for operators with a certificate, at --listen-operators; or ask `graphite status`");
  if (clients.start_token_path().empty() || clients.start_token_matches(who.bearer)) return {};
  return fail(errc::permission_denied,
              "show this start's token, the file `token` in the state folder: Authorization: Bearer …");
}

void service_access::follow(local_service& clients, http_server& operators) {
  if (keys_ == nullptr) return;
  keys_->on_change([this, &clients, &operators](const publisher_keys& now) {
    revocations_->update(now.revoked);
    if (const auto used = clients.use_keys(identity_of(now.clients), now.roots); !used)
      log_.error("the ports for clients keep their keys: {}", used.error().context);
    if (!operators_show_certificates()) return;
    if (const auto used = operators.use_keys(*identity_of(now.operators)); !used)
      log_.error("the operators' port keeps its keys: {}", used.error().context);
  });
}

void service_access::stop_following() {
  if (keys_ != nullptr) keys_->on_change({});
}

}  // namespace graphite
