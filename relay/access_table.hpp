#pragma once

#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/credentials.hpp"

namespace graphite {

/// A channel that a client may have.
struct channel_grant {
  std::string channel;
  std::int64_t until_unix_ns = 0;  ///< the soonest end of ticket, key and root
  std::uint64_t ticket_serial = 0, key_serial = 0;
  public_key root;  ///< which signed the key
  bool operator==(const channel_grant&) const = default;
};

/// What came of showing tickets.
struct enrolled {
  std::vector<channel_grant> grants;  ///< ascending by channel: all that the client has now
  std::vector<std::string> refused;   ///< why, for each ticket that was not taken
};

/// Which client has which channels, until when: from tickets that a root's channel keys signed.
///
/// Pure: reads no clock. One thread, or behind a lock. Bounded by `options`. Nothing outlives the process: a
/// client enrols again.
class access_table {
 public:
  struct options {
    std::size_t clients_max = 4096;
    std::size_t channels_per_client_max = 16;
    std::size_t tickets_per_enrolment_max = 4;
    std::size_t banned_max = 4096;
  };

  /// `roots`: at least one. `verifier` outlives it.
  access_table(options chosen, std::vector<pinned_root> roots, const signature_verifier& verifier);

  /// `who` has proved its key on the connection that the encoded tickets came by. What is granted is added to
  /// what it has. Two verifications for each ticket.
  /// Errors: permission_denied where no ticket is taken: not readable, not the root's, another client's,
  /// another channel's key, expired, not valid yet, revoked; too_large (too many tickets); busy (as many
  /// clients as there can be).
  result<enrolled> enrol(const curve_key& who, std::span<const byte_vector> tickets, std::int64_t unix_ns);

  /// Whether `who` may have `channel` now. Errors: permission_denied, and what to do about it.
  result<void> check(const curve_key& who, std::string_view channel, std::int64_t unix_ns);
  /// Whether `who` may have anything now.
  bool has_grant(const curve_key& who, std::int64_t unix_ns);
  /// Why `who` has nothing, for people, where has_grant() says so.
  std::string why_not(const curve_key& who) const;

  /// The roots that are pinned from now on: at least one. Grants of others end, and those of a root that has
  /// another end than before with it.
  void set_roots(std::vector<pinned_root> roots, std::int64_t unix_ns);
  /// What `list` names counts no more, from now on; a root whose time has ended may have signed it. Errors:
  /// permission_denied (not a root's), corrupt, stale_epoch (a lower number than that of the list in force).
  result<void> revoke(const signed_statement& list, std::int64_t unix_ns);
  /// `who` gets nothing any more while this process lives. Beyond `banned_max` the oldest are forgiven.
  void ban(const curve_key& who);
  /// Drops what has run out. Cheap while nothing has.
  void expire(std::int64_t unix_ns);
  /// How many grants have ended so far, withdrawn or run out.
  std::uint64_t withdrawals() const { return withdrawals_; }
  std::size_t clients() const { return clients_.size(); }

 private:
  using grants = std::map<std::string, channel_grant, std::less<>>;

  result<channel_grant> grant_of(const curve_key& who, byte_span shown, std::int64_t unix_ns) const;
  struct rooted_key {
    channel_key_statement says;
    pinned_root by;
  };
  result<rooted_key> key_of(const signed_statement& statement, std::int64_t unix_ns) const;
  bool revoked(std::uint64_t serial) const { return revoked_.serials.contains(serial); }
  result<void> make_room(const curve_key& who, std::int64_t unix_ns);
  void add(const curve_key& who, channel_grant granted, enrolled& out);
  result<void> check_not_shut_out(const curve_key& who) const;
  template <class Ended>
  void drop_grants(Ended&& ended);

  const options options_;
  std::vector<pinned_root> roots_;
  const signature_verifier& verifier_;
  std::map<curve_key, grants> clients_;
  revocations_statement revoked_;
  std::deque<curve_key> banned_;  ///< oldest first
  std::int64_t next_end_unix_ns_;
  std::uint64_t withdrawals_ = 0;
};

}  // namespace graphite
