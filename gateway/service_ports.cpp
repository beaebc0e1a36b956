#include "gateway/service_ports.hpp"

#include <fmt/format.h>

#include "gateway/listen_address.hpp"
#include "gateway/tls_context.hpp"

namespace graphite {

namespace {

using service_session::wanted_proof;

/// Whether a key can be read at all is asked before anything listens.
result<void> check_keys(const network_options& network) {
  if (!network.keys) return {};
  if (network.keys->certificate.empty() || network.keys->authority.empty())
    return fail(errc::invalid_argument,
                "a service with keys needs its certificate and the clients' authority");
  return make_tls_server(*network.keys, true).map([](const auto&) {});
}

result<service_port> open_port(const std::string& at, wanted_proof with_keys,
                               const network_options& network) {
  service_port out;
  if (at.empty()) return out;
  GRAPHITE_TRY(const auto address, parse_listen_address(at));
  if (!network.keys && !is_loopback_host(address.host))
    return fail(errc::permission_denied,
                fmt::format("{} can be reached from other machines and there are no keys: make them with "
                            "`graphite keygen DIR`, then start with `--keys DIR`",
                            at));
  GRAPHITE_TRY(auto listener, listen_tcp(address, network.limits.backlog));
  out.fd = std::move(listener.fd);
  out.address = to_string(listener.at);
  out.wants = network.keys ? with_keys : wanted_proof::start_token;
  return out;
}

}  // namespace

result<service_ports> open_ports(const local_service_options& options) {
  const auto& network = options.network;
  GRAPHITE_CHECK(check_keys(network));
  service_ports out;
  GRAPHITE_TRY(out.certificates, open_port(network.certificates_at, wanted_proof::none, network));
  GRAPHITE_TRY(out.tokens, open_port(network.tokens_at, wanted_proof::token, network));
  const bool listens = !out.certificates.address.empty() || !out.tokens.address.empty();
  if (listens && !network.keys) {
    GRAPHITE_TRY(auto token, start_token::make(options.state_folder));
    out.token.emplace(std::move(token));
  }
  return out;
}

}  // namespace graphite
