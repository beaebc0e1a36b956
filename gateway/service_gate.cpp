#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "gateway/service_codec.hpp"
#include "gateway/service_session.hpp"

namespace graphite::service_session {

namespace {

std::string plain_text(capnp::Text::Reader in) { return {in.begin(), in.size()}; }

/// Where no verifier was given nothing is signed.
const signature_verifier& no_verifier() {
  class refusing final : public signature_verifier {
    bool verifies(const public_key&, byte_span, const signature&) const override { return false; }
  };
  static const refusing one;
  return one;
}

/// Who this is, by what hello brought. Errors: permission_denied, and what refuses the connection itself.
result<access_grant> identify(connection_state& connection, const std::string& token) {
  if (connection.refusal) return tl::unexpected(*connection.refusal);
  if (connection.grant) return *connection.grant;
  const auto& access = connection.shared.access;
  if (connection.wants == wanted_proof::token)
    return access.policy.by_token(token, *access.revoked(), access.unix_ns());
  if (access.token && access.token->matches(token)) return access.policy.by_start_token();
  return fail(errc::permission_denied,
              "this port needs the token of the service's start: the file `token` in its state folder");
}

result<void> greet(connection_state& connection, std::uint32_t protocol, const std::string& program) {
  if (protocol != wire::PROTOCOL_VERSION) {
    connection.shared.log.warn("a client of version {} speaks another protocol", program);
    return fail(errc::newer_version, "client and service are of different versions");
  }
  if (connection.from_network) {
    GRAPHITE_TRY(auto visit, connection.shared.access.identities.enter(to_string(*connection.grant),
                                                                       std::chrono::steady_clock::now()));
    GRAPHITE_CHECK(connection.enter());
    connection.visit = std::move(visit);
    connection.shared.log.info("{} is connected and may {}", to_string(*connection.grant),
                               to_string(connection.grant->verbs));
  }
  connection.greeted = true;
  return {};
}

class gate_server final : public wire::Gate::Server {
 public:
  explicit gate_server(std::shared_ptr<connection_state> connection) : connection_(std::move(connection)) {}

  kj::Promise<void> hello(HelloContext context) override {
    auto welcome = context.getResults().initWelcome();
    welcome.setProtocol(wire::PROTOCOL_VERSION);
    if (const auto welcomed = answer_hello(context.getParams(), welcome); !welcomed) {
      if (connection_->from_network)
        connection_->refusal = welcomed.error();  // told again to who asks again: once is what is checked
      service_codec::encode(welcomed.error(), welcome.initRefusal());
    } else {
      welcome.setSession(make_session(connection_));
    }
    connection_->said_hello = true;
    connection_->answered->fulfill();
    return kj::READY_NOW;
  }

 private:
  result<void> answer_hello(wire::Gate::HelloParams::Reader params, wire::Welcome::Builder welcome) {
    if (connection_->greeted) return fail(errc::invalid_argument, "hello was said before");
    GRAPHITE_TRY(connection_->grant, identify(*connection_, plain_text(params.getToken())));
    welcome.setProgram(connection_->shared.options.program);
    welcome.setPid(static_cast<std::uint64_t>(::getpid()));
    return greet(*connection_, params.getProtocol(), plain_text(params.getProgram()));
  }

  std::shared_ptr<connection_state> connection_;
};

}  // namespace

admission::admission(const network_options& options)
    : policy(options.access, options.verifier != nullptr ? *options.verifier : no_verifier()),
      revocations(options.revocations ? options.revocations : std::make_shared<const live_revocations>()),
      time_of_day(options.unix_ns),
      identities(options.limits.identities) {}

std::int64_t admission::unix_ns() const {
  if (time_of_day) return time_of_day();
  return duration(std::chrono::system_clock::now().time_since_epoch()).count();
}

wire::Gate::Client make_gate(std::shared_ptr<connection_state> connection) {
  return kj::heap<gate_server>(std::move(connection));
}

}  // namespace graphite::service_session
