#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/hello_messages.hpp"
#include "core/ports/random.hpp"
#include "core/units.hpp"

namespace graphite {

/// \file Who a peer of a control connection is: each side proves that it has the key which the root gave to
/// its role and name. Three messages (core/hello_messages):
///
///     listener -> dialler   challenge: nonce, incarnation, role key
///     dialler -> listener   answer: both nonces, incarnation, role key, signature
///     listener -> dialler   proof: the dialler's nonce, signature
///
/// This is the three-pass mutual authentication by signatures of ISO/IEC 9798-3, whose signatures cover the
/// whole exchange under a side's name, as in SIGMA (H. Krawczyk, "SIGMA: the 'SIGn-and-MAc' approach to
/// authenticated Diffie-Hellman", CRYPTO 2003) and W. Diffie, P. van Oorschot, M. Wiener, "Authentication and
/// authenticated key exchanges" (1992). So nothing that was signed counts
///  - again: a challenge is asked once and goes with the first answer, right or wrong (replay);
///  - for the other side: who dials and who listens sign different bytes, and nobody talks to its own key
///    (reflection);
///  - elsewhere: the listener's nonce, incarnation, role and name are covered (another listener, an earlier
///    start of the same, another connection).
///
/// No keys are agreed on: the connection is TLS already. Where it has something that both ends see and nobody
/// in the middle can repeat (tls-exporter, RFC 9266), give it as `binding`. CAF has none to give: there, who
/// has a certificate of the control authority *and* can put itself between two others could pass their hellos
/// on, and read what follows: keep that authority for nothing else.
///
/// Everything here is pure: time and randomness are arguments. One thread each.

/// Whose word counts. Read at each step, so that what was revoked in between is refused.
struct role_trust {
  static constexpr std::size_t roots_max = 8;
  std::vector<public_key> roots;  ///< that count now: 1 … roots_max
  std::set<std::uint64_t> revoked;
};

/// What `what` says, whichever root that counts has signed it. Errors: permission_denied (none has, it was
/// revoked, has expired or is not valid yet), corrupt, invalid_argument (no roots, or too many).
result<role_key_statement> trusted_role_key(const signed_statement& what, const role_trust& trust,
                                            const signature_verifier& verifier, std::int64_t unix_ns);

struct hello_time {
  time_point now;
  std::int64_t unix_ns = 0;
};

/// What this process shows of itself.
class hello_identity {
 public:
  /// Errors: invalid_argument (the statement is for another key than the signer's), permission_denied (no
  /// root of `trust` signed it, or revoked), timed_out (expired, not yet valid): so it is found at start, not
  /// by peers.
  static result<hello_identity> make(signed_statement statement, std::shared_ptr<const message_signer> signer,
                                     incarnation_id incarnation, const role_trust& trust,
                                     const signature_verifier& verifier, std::int64_t unix_ns);

  const signed_statement& statement() const { return statement_; }
  const role_key_statement& said() const { return said_; }
  const message_signer& signer() const { return *signer_; }
  incarnation_id incarnation() const { return incarnation_; }

 private:
  hello_identity(signed_statement statement, role_key_statement said,
                 std::shared_ptr<const message_signer> signer, incarnation_id incarnation)
      : statement_(std::move(statement)),
        said_(std::move(said)),
        signer_(std::move(signer)),
        incarnation_(incarnation) {}

  signed_statement statement_;
  role_key_statement said_;
  std::shared_ptr<const message_signer> signer_;
  incarnation_id incarnation_;
};

/// Who is at the other end. Whoever keeps the connection ends it when `said.valid` does, and when
/// `said.serial` is revoked.
struct proven_peer {
  role_key_statement said;
  incarnation_id incarnation;
  bool operator==(const proven_peer&) const = default;
};

/// Names a connection of this process; the caller's, never used again while the process lives.
using hello_link = strong_id<struct hello_link_tag>;

/// The side that listens, for all its connections.
///
/// Invariants: at most `pending_max` challenges wait; a link has at most one; none is answered twice.
class hello_listener {
 public:
  struct options {
    std::set<role> wanted;          ///< roles that may dial; others are refused
    std::size_t pending_max = 256;  ///< connections that have not answered yet
    duration answer_within = seconds(10);
    std::string binding;  ///< see above
  };
  /// `verifier` outlives it.
  hello_listener(hello_identity self, options how, const signature_verifier& verifier)
      : self_(std::make_shared<const hello_identity>(std::move(self))),
        how_(std::move(how)),
        verifier_(&verifier) {}

  /// The challenge for a connection that was just accepted. Errors: busy (pending_max: close it),
  /// already_exists (that link has one).
  result<byte_vector> challenge(hello_link link, random_source& random, const hello_time& at);

  struct admission {
    proven_peer peer;
    byte_vector proof;  ///< to send; the peer does not talk before
  };
  /// What a link sent. Whatever comes out, its challenge is gone: close the link on an error, and send the
  /// text (it tells nothing but why). Errors: not_found (nothing was asked of that link), timed_out (too
  /// late; an expired key), corrupt, too_large, newer_version, permission_denied (another challenge's answer,
  /// unknown root, revoked, not a wanted role, our own key, no proof), io (cannot sign).
  result<admission> answer(hello_link link, byte_span bytes, const role_trust& trust, const hello_time& at);

  /// Shows another key from now on; what was asked before is answered with the former.
  void renew(hello_identity self) { self_ = std::make_shared<const hello_identity>(std::move(self)); }
  /// The link was closed.
  void forget(hello_link link) { pending_.erase(link); }
  /// Links that did not answer in time, in their order: close them. Once each.
  std::vector<hello_link> lapse(time_point now);
  /// When `lapse` has to be asked next.
  std::optional<time_point> next_lapse() const;
  std::size_t pending() const { return pending_.size(); }

 private:
  struct asked {
    hello_challenge challenge;
    std::shared_ptr<const hello_identity> self;  ///< that asked
    time_point until;
  };

  std::shared_ptr<const hello_identity> self_;
  options how_;
  const signature_verifier* verifier_;
  std::map<hello_link, asked> pending_;
};

/// The side that dialled, for one connection: `answer`, then `finish`. After an error it is of no more use.
class hello_dialler {
 public:
  struct options {
    role wanted = role::coordinator;  ///< what the listener has to be
    std::string name;                 ///< and how it has to be called; empty: any
    duration within = seconds(10);    ///< from its making to the proof
    std::string binding;
  };
  /// `verifier` outlives it.
  hello_dialler(hello_identity self, options how, const signature_verifier& verifier, time_point now)
      : self_(std::move(self)), how_(std::move(how)), verifier_(&verifier), until_(now + how_.within) {}

  /// To a challenge. Signs nothing for a stranger: the root has to know the listener already.
  /// Errors: as hello_listener::answer, and invalid_argument (asked out of turn).
  result<byte_vector> answer(byte_span challenge, random_source& random, const role_trust& trust,
                             const hello_time& at);
  /// Who listens. Only from here on it may be believed. Errors: the same.
  result<proven_peer> finish(byte_span proof, const role_trust& trust, const hello_time& at);

 private:
  struct waiting {
    hello_challenge challenge;
    hello_answer answer;
  };
  enum class state { fresh, answered, over };
  /// The state that was expected, in time; from now on `over` until somebody says else.
  result<void> take_turn(state expected, const hello_time& at);

  hello_identity self_;
  options how_;
  const signature_verifier* verifier_;
  time_point until_;
  state state_ = state::fresh;
  waiting waiting_;
};

}  // namespace graphite
