#include "relay/store_access.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/store_pass.hpp"

namespace graphite {

namespace {

constexpr hello_link only_link{1};

tl::unexpected<error> no_grant(std::string why) { return fail(errc::permission_denied, std::move(why)); }

}  // namespace

store_access::store_access(hello_identity self, const curve_key& port, role_trust trust, options chosen,
                           const signature_verifier& verifier)
    : self_(std::move(self)),
      port_(port),
      trust_(std::move(trust)),
      options_(std::move(chosen)),
      verifier_(verifier) {}

result<stores::enrol_reply> store_access::enrol(const curve_key& who, const stores::enrol_request& request,
                                                random_source& random, const hello_time& at) {
  using what = stores::enrol_request::what;
  switch (request.step) {
    case what::begin:
      return begin(who, random, at);
    case what::prove:
      return prove(who, request.shown, at);
    case what::pass:
      break;
  }
  return show_pass(who, request.shown, at.unix_ns);
}

result<stores::enrol_reply> store_access::begin(const curve_key& who, random_source& random,
                                                const hello_time& at) {
  if (const auto before = pending_.extract(who); !before.empty())
    pending_order_.erase(before.mapped().number);
  if (pending_.size() >= options_.pending_max) {
    pending_.erase(pending_order_.begin()->second);
    pending_order_.erase(pending_order_.begin());
  }
  hello_listener::options how;
  how.wanted = options_.roles;
  how.pending_max = 1;
  how.answer_within = options_.answer_within;
  how.binding = store_port_binding(port_, who);
  auto listener = std::make_unique<hello_listener>(self_, std::move(how), verifier_);
  GRAPHITE_TRY(auto challenge, listener->challenge(only_link, random, at));
  pending_order_[++last_number_] = who;
  pending_[who] = {std::move(listener), last_number_};
  return stores::enrol_reply{std::move(challenge)};
}

result<stores::enrol_reply> store_access::prove(const curve_key& who, byte_span answer,
                                                const hello_time& at) {
  const auto asked = pending_.extract(who);
  if (asked.empty()) return fail(errc::not_found, "nobody has asked who this is: begin anew");
  pending_order_.erase(asked.mapped().number);
  GRAPHITE_TRY(auto admitted, asked.mapped().listener->answer(only_link, answer, trust_, at));
  const auto& said = admitted.peer.said;
  GRAPHITE_CHECK(add(
      who, {fmt::format("{} '{}'", to_string(said.what), said.name), said.serial, said.valid.until_unix_ns},
      at.unix_ns));
  return stores::enrol_reply{std::move(admitted.proof)};
}

result<stores::enrol_reply> store_access::show_pass(const curve_key& who, byte_span shown,
                                                    std::int64_t unix_ns) {
  GRAPHITE_TRY(const auto pass, decode_store_pass(shown));
  GRAPHITE_TRY(const auto key, trusted_role_key(pass.key, trust_, verifier_, unix_ns));
  if (key.what != role::coordinator)
    return no_grant(
        fmt::format("a pass by {} '{}', and only a coordinator gives them", to_string(key.what), key.name));
  GRAPHITE_TRY(const auto says, verified_store_pass(pass.grant, key.key, verifier_));
  if (says.client != who) return no_grant("a pass for another client's key");
  if (!says.valid.holds(unix_ns)) return no_grant("this pass has expired, or is not valid yet");
  GRAPHITE_CHECK(add(who,
                     {"a client of tenant " + says.tenant, key.serial,
                      std::min(says.valid.until_unix_ns, key.valid.until_unix_ns)},
                     unix_ns));
  return stores::enrol_reply{};
}

result<void> store_access::add(const curve_key& who, grant granted, std::int64_t unix_ns) {
  if (grants_.size() >= options_.clients_max && !grants_.contains(who)) {
    std::erase_if(grants_, [&](const auto& one) { return one.second.until_unix_ns <= unix_ns; });
    if (grants_.size() >= options_.clients_max)
      return fail(errc::busy, fmt::format("{} clients have grants here: try again later", grants_.size()));
  }
  grants_[who] = std::move(granted);
  return {};
}

result<void> store_access::check(const curve_key& who, std::int64_t unix_ns) {
  if (own_.contains(who)) return {};
  const auto found = grants_.find(who);
  if (found == grants_.end()) return no_grant("this client has no grant (any more): it has to enrol");
  if (unix_ns < found->second.until_unix_ns) return {};
  grants_.erase(found);
  return no_grant("this client's grant has run out: it has to enrol again");
}

std::string store_access::name_of(const curve_key& who) const {
  const auto found = grants_.find(who);
  return found == grants_.end() ? std::string() : found->second.name;
}

void store_access::set_trust(role_trust trust) {
  const bool same_roots = trust.roots == trust_.roots;
  trust_ = std::move(trust);
  std::erase_if(grants_,
                [&](const auto& one) { return !same_roots || trust_.revoked.contains(one.second.serial); });
}

}  // namespace graphite
