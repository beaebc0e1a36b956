#include "core/hello.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace graphite {

namespace {

hello_nonce make_nonce(random_source& random) {
  hello_nonce out;
  for (std::size_t at = 0; at < out.bytes.size(); at += sizeof(std::uint64_t)) {
    const auto word = random.next();
    std::memcpy(out.bytes.data() + at, &word, sizeof word);
  }
  return out;
}

std::string describe(const role_key_statement& who) {
  return fmt::format("{} '{}' (key serial {})", to_string(who.what), who.name, who.serial);
}

result<void> check_counts(const role_key_statement& who, const role_trust& trust, std::int64_t unix_ns) {
  if (trust.revoked.count(who.serial) != 0)
    return fail(errc::permission_denied,
                describe(who) + " is revoked: see 'graphite keys' for what gives it another key");
  if (who.valid.holds(unix_ns)) return {};
  return fail(errc::permission_denied,
              describe(who) + (unix_ns < who.valid.from_unix_ns
                                   ? " is not valid yet: compare the clocks of the machines"
                                   : " has expired: see 'graphite keys' for what gives it another key"));
}

result<void> check_not_ourselves(const hello_identity& self, const role_key_statement& peer,
                                 incarnation_id incarnation) {
  if (peer.key != self.said().key && incarnation != self.incarnation()) return {};
  return fail(
      errc::permission_denied,
      describe(peer) + " has this process's own key: each process needs its own, or it dialled itself");
}

result<void> check_proof(hello_side by, std::string_view binding, const hello_challenge& challenge,
                         const hello_answer& answer, const signature& proof, const role_key_statement& peer,
                         const signature_verifier& verifier) {
  if (statement_verifies(statement_kind::hello, hello_transcript(by, binding, challenge, answer), proof,
                         peer.key, verifier))
    return {};
  return fail(errc::permission_denied, describe(peer) + " has not proved that it has its key");
}

}  // namespace

result<role_key_statement> trusted_role_key(const signed_statement& what, const role_trust& trust,
                                            const signature_verifier& verifier, std::int64_t unix_ns) {
  if (trust.roots.empty() || trust.roots.size() > role_trust::roots_max)
    return fail(errc::invalid_argument, fmt::format("{} roots are pinned, 1 to {} can be", trust.roots.size(),
                                                    role_trust::roots_max));
  for (const auto& root : trust.roots) {
    const auto said = verified_role_key(what, root, verifier);
    if (!said && said.error().code == errc::permission_denied) continue;
    if (!said) return tl::unexpected<error>(said.error());
    GRAPHITE_CHECK(check_counts(*said, trust, unix_ns));
    return *said;
  }
  return fail(errc::permission_denied,
              "a role key that no pinned root signed: both sides need keys of one 'graphite keygen' folder");
}

result<hello_identity> hello_identity::make(signed_statement statement,
                                            std::shared_ptr<const message_signer> signer,
                                            incarnation_id incarnation, const role_trust& trust,
                                            const signature_verifier& verifier, std::int64_t unix_ns) {
  GRAPHITE_TRY(auto said, trusted_role_key(statement, trust, verifier, unix_ns));
  if (signer == nullptr || said.key != signer->key())
    return fail(errc::invalid_argument, describe(said) + " is not the key that this process has");
  return hello_identity(std::move(statement), std::move(said), std::move(signer), incarnation);
}

result<byte_vector> hello_listener::challenge(hello_link link, random_source& random, const hello_time& at) {
  if (pending_.count(link) != 0) return fail(errc::already_exists, "a connection that was asked already");
  if (pending_.size() >= how_.pending_max)
    return fail(errc::busy, fmt::format("{} connections have not said who they are yet: try again later",
                                        pending_.size()));
  hello_challenge out{make_nonce(random), self_->incarnation(), self_->statement()};
  auto bytes = encode(out);
  pending_.emplace(link, asked{std::move(out), self_, at.now + how_.answer_within});
  return bytes;
}

result<hello_listener::admission> hello_listener::answer(hello_link link, byte_span bytes,
                                                         const role_trust& trust, const hello_time& at) {
  const auto entry = pending_.extract(link);
  if (entry.empty()) return fail(errc::not_found, "an answer of a connection that was asked nothing");
  const auto& asked = entry.mapped();
  if (at.now >= asked.until) return fail(errc::timed_out, "an answer that came too late: dial again");
  GRAPHITE_TRY(const auto answer, decode_hello_answer(bytes));
  if (answer.to != asked.challenge.nonce)
    return fail(errc::permission_denied,
                "an answer to another challenge: each counts once, where it was asked");
  GRAPHITE_TRY(const auto peer, trusted_role_key(answer.key, trust, *verifier_, at.unix_ns));
  GRAPHITE_CHECK(check_not_ourselves(*asked.self, peer, answer.incarnation));
  if (how_.wanted.count(peer.what) == 0)
    return fail(errc::permission_denied, fmt::format("{} may not dial here: this is {}", describe(peer),
                                                     describe(asked.self->said())));
  GRAPHITE_CHECK(check_proof(hello_side::dialler, how_.binding, asked.challenge, answer, answer.proof, peer,
                             *verifier_));
  hello_proof out{answer.nonce, {}};
  GRAPHITE_TRY(out.proof,
               sign_statement(statement_kind::hello,
                              hello_transcript(hello_side::listener, how_.binding, asked.challenge, answer),
                              asked.self->signer()));
  return admission{{peer, answer.incarnation}, encode(out)};
}

std::vector<hello_link> hello_listener::lapse(time_point now) {
  std::vector<hello_link> out;
  for (auto one = pending_.begin(); one != pending_.end();) {
    if (now < one->second.until) {
      ++one;
      continue;
    }
    out.push_back(one->first);
    one = pending_.erase(one);
  }
  return out;
}

std::optional<time_point> hello_listener::next_lapse() const {
  const auto first = std::min_element(pending_.begin(), pending_.end(), [](const auto& a, const auto& b) {
    return a.second.until < b.second.until;
  });
  return first == pending_.end() ? std::nullopt : std::optional(first->second.until);
}

result<void> hello_dialler::take_turn(state expected, const hello_time& at) {
  if (std::exchange(state_, state::over) != expected)
    return fail(errc::invalid_argument, "a message of a hello that is over, or before its turn");
  if (at.now >= until_)
    return fail(errc::timed_out, "the listener took too long to say who it is: dial again");
  return {};
}

result<byte_vector> hello_dialler::answer(byte_span challenge, random_source& random, const role_trust& trust,
                                          const hello_time& at) {
  GRAPHITE_CHECK(take_turn(state::fresh, at));
  GRAPHITE_TRY(waiting_.challenge, decode_hello_challenge(challenge));
  GRAPHITE_TRY(const auto peer, trusted_role_key(waiting_.challenge.key, trust, *verifier_, at.unix_ns));
  GRAPHITE_CHECK(check_not_ourselves(self_, peer, waiting_.challenge.incarnation));
  if (peer.what != how_.wanted || (!how_.name.empty() && peer.name != how_.name))
    return fail(errc::permission_denied,
                fmt::format("{} listens there, not the {} {}: dial the right address", describe(peer),
                            to_string(how_.wanted), how_.name));
  auto& out = waiting_.answer;
  out = {waiting_.challenge.nonce, make_nonce(random), self_.incarnation(), self_.statement(), {}};
  GRAPHITE_TRY(out.proof,
               sign_statement(statement_kind::hello,
                              hello_transcript(hello_side::dialler, how_.binding, waiting_.challenge, out),
                              self_.signer()));
  state_ = state::answered;
  return encode(out);
}

result<proven_peer> hello_dialler::finish(byte_span proof, const role_trust& trust, const hello_time& at) {
  GRAPHITE_CHECK(take_turn(state::answered, at));
  GRAPHITE_TRY(const auto last, decode_hello_proof(proof));
  if (last.to != waiting_.answer.nonce)
    return fail(errc::permission_denied, "a proof for another answer: each counts once, where it was asked");
  GRAPHITE_TRY(const auto peer, trusted_role_key(waiting_.challenge.key, trust, *verifier_, at.unix_ns));
  GRAPHITE_CHECK(check_proof(hello_side::listener, how_.binding, waiting_.challenge, waiting_.answer,
                             last.proof, peer, *verifier_));
  return proven_peer{peer, waiting_.challenge.incarnation};
}

}  // namespace graphite
