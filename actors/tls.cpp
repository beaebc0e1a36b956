#include "actors/tls.hpp"

#include <caf/io/all.hpp>
#include <caf/openssl/all.hpp>

#include "actors/logger_guard.hpp"

namespace graphite {

namespace {

result<void> check_timing(const tls_timing& timing) {
  if (timing.heartbeat > duration::zero() && timing.connection_timeout > 2 * timing.heartbeat) return {};
  return fail(errc::invalid_argument,
              "a TLS connection without heartbeats, or with a timeout of two of them or less, cannot tell "
              "a dead peer from one that is late");
}

error dial_error(const caf::actor_system& system, const caf::error& why, const dial_options& how,
                 const std::string& peer) {
  if (why == caf::sec::request_timeout) return {errc::timed_out, peer + " did not answer in TLS"};
  if (const auto refused = how.why_refused(how.port)) return {errc::unavailable, peer + ": " + *refused};
  return {errc::unavailable,
          "cannot reach " + peer + " (" + system.render(why) +
              "): nobody is there, or one of the two certificates was refused. Both must be of "
              "one authority and not have expired"};
}

}  // namespace

result<void> use_tls(caf::actor_system_config& config, const tls_files& files, const tls_checks& checks,
                     const tls_timing& timing) {
  GRAPHITE_CHECK(files.all_named());
  GRAPHITE_CHECK(check_timing(timing));
  if (!checks.files || !checks.calls)
    return fail(errc::invalid_argument, "TLS without its checks: give check_tls_files and check_ssl_calls");
  GRAPHITE_CHECK(checks.files(files));
  GRAPHITE_CHECK(checks.calls());
  config.openssl_certificate = files.certificate;
  config.openssl_key = files.key;
  config.openssl_cafile = files.authority;
  config.openssl_capath.clear();
  config.openssl_passphrase.clear();
  config.set("middleman.heartbeat-interval", caf::timespan(timing.heartbeat));
  config.set("middleman.connection-timeout", caf::timespan(timing.connection_timeout));
  config.set("middleman.workers", std::size_t{0});
  config.load<caf::io::middleman>();
  config.load<caf::openssl::manager>();
  return {};
}

result<void> tls_is_on(caf::actor_system& system) {
  const auto& config = system.config();
  const tls_files files{config.openssl_certificate, config.openssl_key, config.openssl_cafile};
  if (system.has_openssl_manager() && files.all_named() && config.openssl_capath.empty()) return {};
  return fail(errc::permission_denied,
              "this process has no TLS for its control connections, and there are none without: name the "
              "files that 'graphite keygen DIR' makes");
}

result<std::uint16_t> listen_tls(const caf::actor& whom, std::uint16_t port, const std::string& address) {
  GRAPHITE_CHECK(tls_is_on(whom.home_system()));
  const auto got = caf::openssl::publish(whom, port, address.c_str(), true);
  if (!got)
    return fail(errc::io, "cannot listen at " + address + ":" + std::to_string(port) + ": " +
                              whom.home_system().render(got.error()));
  return *got;
}

void stop_listening(const caf::actor& whom, std::uint16_t port) {
  auto& system = whom.home_system();
  if (system.has_openssl_manager())
    caf::anon_send(system.openssl_manager().actor_handle(), caf::unpublish_atom::value, whom.address(), port);
}

result<caf::actor> dial_tls(caf::actor_system& system, const dial_options& how) {
  GRAPHITE_CHECK(tls_is_on(system));
  if (!how.give_up || !how.why_refused)
    return fail(errc::invalid_argument,
                "a dial that nobody can give up or explain: give give_up_dials and take_dial_refusal");
  (void)how.why_refused(how.port);  // of an earlier one
  const auto peer = how.host + ":" + std::to_string(how.port);
  result<caf::actor> out = fail(errc::unavailable, "nothing is published at " + peer);
  const logger_guard forget;
  caf::scoped_actor asker(system);
  asker
      ->request(system.openssl_manager().actor_handle(), caf::timespan(how.wait), caf::connect_atom::value,
                how.host, how.port)
      .receive(
          [&](const caf::node_id&, const caf::strong_actor_ptr& whom, const std::set<std::string>& messages) {
            if (!messages.empty())
              out = fail(errc::invalid_argument, peer + " has an actor of other messages");
            else if (whom)
              out = caf::actor_cast<caf::actor>(whom);
          },
          [&](const caf::error& why) { out = tl::unexpected<error>(dial_error(system, why, how, peer)); });
  if (!out && out.error().code == errc::timed_out) how.give_up(how.port);
  return out;
}

}  // namespace graphite
