#include "runtime/tickets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "core/messages/chunks.hpp"

namespace graphite {

namespace {

struct shown_ticket {
  std::int64_t until_unix_ns = 0;
  byte_vector encoded;
};

std::int64_t until_of(const shown_ticket& one) { return one.until_unix_ns; }

result<channel_key_statement> key_by_any(const signed_statement& said, const std::vector<public_key>& roots,
                                         const signature_verifier& verifier) {
  for (const auto& root : roots)
    if (auto key = verified_channel_key(said, root, verifier)) return key;
  return fail(errc::permission_denied, "a ticket of another root");
}

/// What a ticket says, where it counts now.
result<ticket_statement> counting(const ticket& one, const curve_key& client,
                                  const std::vector<public_key>& roots, const signature_verifier& verifier,
                                  std::int64_t unix_ns) {
  GRAPHITE_TRY(const auto key, key_by_any(one.key, roots, verifier));
  GRAPHITE_TRY(auto says, verified_ticket(one.grant, key.key, verifier));
  const auto no = [&](std::string_view why) {
    return fail(errc::permission_denied,
                fmt::format("ticket {} for channel {} {}", says.serial, says.channel, why));
  };
  if (says.channel != key.channel) return no("is signed by a key of another channel");
  if (says.client != client) return no("is for another client's key");
  if (!key.valid.holds(unix_ns)) return no("is signed by a key that has expired or is not valid yet");
  if (!says.valid.holds(unix_ns)) return no("has expired or is not valid yet");
  return says;
}

}  // namespace

result<std::vector<byte_vector>> choose_tickets(const std::vector<ticket>& from, std::string_view channel,
                                                const curve_key& client, const std::vector<pinned_root>& pins,
                                                const signature_verifier& verifier, std::int64_t unix_ns) {
  const auto roots = roots_that_count(pins, unix_ns);
  std::map<std::string, std::vector<shown_ticket>> found;
  std::string why_not;
  for (const auto& one : from) {
    const auto says = counting(one, client, roots, verifier, unix_ns);
    if (!says) why_not += "; " + says.error().context;
    if (!says || (!channel.empty() && says->channel != channel)) continue;
    found[says->channel].push_back({says->valid.until_unix_ns, encode_ticket(one)});
  }
  if (found.empty())
    return fail(errc::permission_denied,
                fmt::format("no ticket for {}: make one with `graphite keys ticket`{}",
                            channel.empty() ? "any channel" : fmt::format("channel '{}'", channel), why_not));
  for (auto& [name, tickets] : found) std::ranges::stable_sort(tickets, std::greater(), until_of);
  std::vector<byte_vector> out;
  bool more = true;
  for (std::size_t i = 0; more; ++i) {
    more = false;
    for (auto& [name, tickets] : found) {
      if (i >= tickets.size() || out.size() == ticket_choices_max) continue;
      out.push_back(std::move(tickets[i].encoded));
      more = true;
    }
  }
  return out;
}

std::vector<byte_vector> ticket_round::shown() const {
  const auto count = std::min(chunk_port_limits::tickets_max, tickets_.size() - first_);
  const auto from = tickets_.begin() + static_cast<std::ptrdiff_t>(first_);
  return {from, from + static_cast<std::ptrdiff_t>(count)};
}

void ticket_round::next() {
  first_ += chunk_port_limits::tickets_max;
  if (first_ >= tickets_.size()) first_ = 0;
}

}  // namespace graphite
