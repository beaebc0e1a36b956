#include "cli/served_ports.hpp"

namespace graphite {

namespace {

/// An address that says nothing of where this machine is reached: its port alone.
std::string advertised(const std::string& address) {
  const auto where = parse_host_port(address);
  if (!where || (where->host != "0.0.0.0" && where->host != "::")) return address;
  return ":" + std::to_string(where->port);
}

result<void> check_keys(const served_ports_options& options) {
  if (options.heads.keys != options.chunks.keys)
    return fail(errc::invalid_argument, "both ports have the same keys, or none");
  if (options.heads.keys && (!options.trust || options.trust->roots.empty()))
    return fail(errc::invalid_argument, "ports with keys need a root: whose tickets would count?");
  return {};
}

result<std::optional<signed_statement>> revocations_of(const publisher_keys& keys) {
  if (keys.revocations.empty()) return std::nullopt;
  GRAPHITE_TRY(auto list, decode_signed(keys.revocations, revocations_bytes_max));
  return std::optional(std::move(list));
}

}  // namespace

result<served_ports_options> secured(served_ports_options options,
                                     const std::shared_ptr<const publisher_keys>& keys) {
  const bool local = is_loopback(options.heads.host) && is_loopback(options.chunks.host);
  if (!keys || (local && !options.secure_loopback)) return options;
  options.heads.keys = options.chunks.keys = curve_pair_ptr(keys, &keys->curve);
  if (!options.trust) options.trust.emplace();
  options.trust->roots = keys->roots;
  GRAPHITE_TRY(options.trust->revocations, revocations_of(*keys));
  return options;
}

result<std::unique_ptr<served_ports>> served_ports::open(const served_ports_options& options,
                                                         const chunk_service_sources& sources,
                                                         kept_generations& kept, const clock_source& clock,
                                                         log_sink& log) {
  GRAPHITE_CHECK(check_keys(options));
  std::unique_ptr<served_ports> out(new served_ports);
  GRAPHITE_TRY(out->zmq_, zmq_context::make({}));
  std::optional<chunk_port_security> security;
  if (options.heads.keys) {
    const auto& trust = *options.trust;
    out->verifier_ = std::make_unique<ed25519_verifier>();
    out->gate_ = std::make_unique<peer_gate>(trust.access, trust.roots, *out->verifier_, clock, log);
    if (trust.revocations) GRAPHITE_CHECK(out->gate_->revoke(*trust.revocations));
    GRAPHITE_TRY(out->zap_, zap_handler::start(out->zmq_, *out->gate_, &log));
    kept.check_contents();
    security = chunk_port_security{out->gate_.get(), &kept, &log, trust.limits};
  }
  out->port_ = std::make_unique<chunk_port>(chunk_service(sources), clock, std::move(security));
  zmq_chunk_server_options chunks;
  chunks.listen = options.chunks;
  chunks.log = &log;
  chunks.connections.all_max = options.connections_max;
  chunks.connections.admission = out->gate_.get();
  GRAPHITE_TRY(out->chunks_, make_zmq_chunk_server(out->zmq_, chunks, *out->port_));
  zmq_publisher_options heads;
  heads.listen = options.heads;
  heads.log = &log;
  heads.connections.all_max = options.connections_max;
  heads.admission = out->gate_.get();
  GRAPHITE_TRY(out->heads_, make_zmq_publisher(out->zmq_, heads));
  out->port_->set_endpoints(advertised(out->heads_->address()), advertised(out->chunks_->address()));
  return out;
}

result<void> served_ports::renew(const publisher_keys& keys) {
  if (!gate_) return {};
  GRAPHITE_TRY(const auto revocations, revocations_of(keys));
  gate_->set_roots(keys.roots);
  if (!revocations) return {};
  return gate_->revoke(*revocations);
}

}  // namespace graphite
