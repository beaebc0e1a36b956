#include "relay/access_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace graphite {

namespace {

constexpr auto never = std::numeric_limits<std::int64_t>::max();

tl::unexpected<error> no_access(std::string why) { return fail(errc::permission_denied, std::move(why)); }

/// Where a validity does not hold, what to do.
result<void> check_holds(const validity& valid, std::int64_t unix_ns, const std::string& what,
                         std::string_view cure) {
  if (valid.holds(unix_ns)) return {};
  if (unix_ns < valid.from_unix_ns)
    return no_access(fmt::format("{} is not valid yet: are both clocks right?", what));
  return no_access(fmt::format("{} has expired: {}", what, cure));
}

constexpr std::string_view nothing_granted =
    "this client has no grant (any more): it has to enrol with a ticket";
constexpr std::string_view new_ticket = "make a new one with `graphite keys ticket`";

}  // namespace

access_table::access_table(options chosen, std::vector<pinned_root> roots, const signature_verifier& verifier)
    : options_(chosen), roots_(std::move(roots)), verifier_(verifier), next_end_unix_ns_(never) {
  GRAPHITE_INVARIANT(!roots_.empty());
}

void access_table::set_roots(std::vector<pinned_root> roots, std::int64_t unix_ns) {
  GRAPHITE_INVARIANT(!roots.empty());
  roots_ = std::move(roots);
  // A root's end may have come nearer: what it gave ends with it.
  for (auto& [who, has] : clients_)
    for (auto& [channel, granted] : has)
      for (const auto& root : roots_)
        if (root.key == granted.root)
          granted.until_unix_ns = std::min(granted.until_unix_ns, root.until_unix_ns.value_or(never));
  drop_grants([&](const curve_key&, const channel_grant& granted) {
    return granted.until_unix_ns <= unix_ns || !root_counts(roots_, granted.root, unix_ns);
  });
}

result<enrolled> access_table::enrol(const curve_key& who, std::span<const byte_vector> tickets,
                                     std::int64_t unix_ns) {
  expire(unix_ns);
  if (tickets.empty()) return no_access(fmt::format("no ticket was shown: {}", new_ticket));
  if (tickets.size() > options_.tickets_per_enrolment_max)
    return fail(errc::too_large, fmt::format("{} tickets, where {} can be shown at once", tickets.size(),
                                             options_.tickets_per_enrolment_max));
  GRAPHITE_CHECK(check_not_shut_out(who));
  enrolled out;
  for (const auto& shown : tickets) {
    auto granted = grant_of(who, shown, unix_ns);
    if (!granted) {
      out.refused.push_back(granted.error().context);
      continue;
    }
    GRAPHITE_CHECK(make_room(who, unix_ns));
    add(who, std::move(*granted), out);
  }
  const auto found = clients_.find(who);
  if (out.refused.size() == tickets.size()) return no_access(out.refused.front());
  for (const auto& [channel, granted] : found->second) out.grants.push_back(granted);
  return out;
}

result<void> access_table::check_not_shut_out(const curve_key& who) const {
  if (revoked_.clients.contains(who)) return no_access("this client's key was revoked: make another one");
  if (std::find(banned_.begin(), banned_.end(), who) != banned_.end())
    return no_access("this client misbehaved and is shut out: see the server's log");
  return {};
}

result<access_table::rooted_key> access_table::key_of(const signed_statement& statement,
                                                      std::int64_t unix_ns) const {
  for (const auto& root : roots_) {
    auto says = verified_channel_key(statement, root.key, verifier_);
    if (!says) continue;
    if (!root.counts(unix_ns))
      return no_access(fmt::format("a ticket of a root whose time has ended: {}", new_ticket));
    return rooted_key{std::move(*says), root};
  }
  return no_access(fmt::format("a ticket of another root: {} of this one", new_ticket));
}

result<channel_grant> access_table::grant_of(const curve_key& who, byte_span shown,
                                             std::int64_t unix_ns) const {
  const auto read = decode_ticket(shown);
  if (!read) return no_access(fmt::format("a ticket that cannot be read: {}", new_ticket));
  GRAPHITE_TRY(const auto of_root, key_of(read->key, unix_ns));
  const auto& key = of_root.says;
  const auto says = verified_ticket(read->grant, key.key, verifier_);
  if (!says) return no_access(fmt::format("a ticket that its channel's key has not signed: {}", new_ticket));
  const auto name = fmt::format("ticket {} for channel {}", says->serial, says->channel);
  if (says->client != who)
    return no_access(fmt::format("{} is for another client's key, that of {}", name, says->name));
  if (says->channel != key.channel)
    return no_access(fmt::format("{} is signed by a key of channel {}", name, key.channel));
  if (revoked(key.serial))
    return no_access(
        fmt::format("{} is signed by key {}, which was revoked: {}", name, key.serial, new_ticket));
  if (revoked(says->serial)) return no_access(fmt::format("{} was revoked: {}", name, new_ticket));
  GRAPHITE_CHECK(check_holds(key.valid, unix_ns, fmt::format("{}: key {} of it", name, key.serial),
                             "renew it with `graphite keys rotate`, and the ticket"));
  GRAPHITE_CHECK(check_holds(says->valid, unix_ns, name, new_ticket));
  const auto until = std::min(
      {says->valid.until_unix_ns, key.valid.until_unix_ns, of_root.by.until_unix_ns.value_or(never)});
  return channel_grant{says->channel, until, says->serial, key.serial, of_root.by.key};
}

result<void> access_table::make_room(const curve_key& who, std::int64_t unix_ns) {
  expire(unix_ns);
  if (clients_.size() < options_.clients_max || clients_.contains(who)) return {};
  return fail(errc::busy, fmt::format("{} clients are enrolled, as many as there can be: try again later",
                                      options_.clients_max));
}

void access_table::add(const curve_key& who, channel_grant granted, enrolled& out) {
  auto& has = clients_[who];
  const auto found = has.find(granted.channel);
  if (found == has.end() && has.size() >= options_.channels_per_client_max) {
    out.refused.push_back(fmt::format("channel {} is one more than the {} that a client can have",
                                      granted.channel, options_.channels_per_client_max));
    return;
  }
  if (found != has.end() && found->second.until_unix_ns > granted.until_unix_ns) return;
  next_end_unix_ns_ = std::min(next_end_unix_ns_, granted.until_unix_ns);
  has.insert_or_assign(granted.channel, std::move(granted));
}

result<void> access_table::check(const curve_key& who, std::string_view channel, std::int64_t unix_ns) {
  expire(unix_ns);
  const auto client = clients_.find(who);
  if (client == clients_.end()) {
    GRAPHITE_CHECK(check_not_shut_out(who));
    return no_access(std::string(nothing_granted));
  }
  if (!client->second.contains(channel))
    return no_access(fmt::format("this client has no grant for channel '{}': {}", channel, new_ticket));
  return {};
}

bool access_table::has_grant(const curve_key& who, std::int64_t unix_ns) {
  expire(unix_ns);
  return clients_.contains(who);
}

std::string access_table::why_not(const curve_key& who) const {
  const auto shut_out = check_not_shut_out(who);
  return shut_out ? std::string(nothing_granted) : shut_out.error().context;
}

/// `ended` says of a client's key and grant whether it is one no more.
template <class Ended>
void access_table::drop_grants(Ended&& ended) {
  next_end_unix_ns_ = never;
  for (auto client = clients_.begin(); client != clients_.end();) {
    withdrawals_ +=
        std::erase_if(client->second, [&](const auto& entry) { return ended(client->first, entry.second); });
    for (const auto& [channel, granted] : client->second)
      next_end_unix_ns_ = std::min(next_end_unix_ns_, granted.until_unix_ns);
    client = client->second.empty() ? clients_.erase(client) : std::next(client);
  }
}

result<void> access_table::revoke(const signed_statement& list, std::int64_t unix_ns) {
  expire(unix_ns);
  result<revocations_statement> says = no_access("");
  for (const auto& root : roots_) {
    says = verified_revocations(list, root.key, verifier_);
    if (says) break;
  }
  if (!says) return no_access(fmt::format("a list of revocations: {}", says.error().context));
  if (says->number < revoked_.number)
    return fail(errc::stale_epoch, fmt::format("revocations {} are older than those in force, {}",
                                               says->number, revoked_.number));
  revoked_ = std::move(*says);
  drop_grants([&](const curve_key& who, const channel_grant& granted) {
    return revoked_.clients.contains(who) || revoked(granted.ticket_serial) || revoked(granted.key_serial);
  });
  return {};
}

void access_table::ban(const curve_key& who) {
  if (std::find(banned_.begin(), banned_.end(), who) == banned_.end()) banned_.push_back(who);
  if (banned_.size() > options_.banned_max) banned_.pop_front();
  drop_grants([&](const curve_key& client, const channel_grant&) { return client == who; });
}

void access_table::expire(std::int64_t unix_ns) {
  if (unix_ns < next_end_unix_ns_) return;
  drop_grants(
      [&](const curve_key&, const channel_grant& granted) { return granted.until_unix_ns <= unix_ns; });
}

}  // namespace graphite
