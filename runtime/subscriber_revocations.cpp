#include <fmt/format.h>

#include <algorithm>

#include "runtime/subscriber.hpp"

// A list of revoked keys that is too long for a heartbeat, which names it: fetched in pieces. Nobody is
// believed here; what came whole is still the gate's to judge.

namespace graphite {

/// Begins with another list where there is none like it, and one was not begun too lately.
void subscriber::name_list(const trust_news::list_name& named, instant at) {
  if (named.bytes == 0 || named.bytes > revocations_bytes_max || named.id == list_refused_) return;
  if (list_ && list_->what == named) return;
  if (named.id == list_in_force() || !lists_begun_.take(at.now)) return;
  list_ = list_fetch{named, {}};
}

/// Of what the gate has.
const digest& subscriber::list_in_force() {
  if (list_in_force_.is_zero()) list_in_force_ = hash_.sha256(options_.gate->revocations());
  return list_in_force_;
}

void subscriber::ask_list(instant at) {
  const bool asked = std::any_of(under_way_.begin(), under_way_.end(), [](const auto& entry) {
    return std::holds_alternative<list_ask>(entry.second.what);
  });
  if (!list_ || asked || channel_.empty()) return;
  const auto offset = static_cast<std::uint32_t>(list_->bytes.size());
  send(revocations_request{list_->what.id, offset}, list_ask{list_->what.id, offset}, at);
}

void subscriber::take(const list_ask& asked, const chunk_reply& reply, instant at) {
  if (!list_ || list_->what.id != asked.list || list_->bytes.size() != asked.offset) return;
  const auto rest = list_->what.bytes - list_->bytes.size();
  const bool fits = std::holds_alternative<revocations_reply>(reply.header) && reply.frames.size() == 1 &&
                    reply.frames.front().size() == std::min(rest, chunk_port_limits::revocations_piece_bytes);
  if (!fits) {
    list_.reset();  // the next heartbeat names one again
    return note(log_level::warning, "the list of revoked keys: " + refusal_text(reply));
  }
  const auto& piece = reply.frames.front();
  list_->bytes.insert(list_->bytes.end(), piece.begin(), piece.end());
  if (list_->bytes.size() == list_->what.bytes) take_list(at);
}

void subscriber::take_list(instant at) {
  const auto whole = std::move(*list_);
  list_.reset();
  list_refused_ = whole.what.id;
  if (hash_.sha256(whole.bytes) != whole.what.id)
    return note(log_level::warning, "the list of revoked keys that a heartbeat names fails its digest");
  if (!options_.gate->learn({{}, whole.bytes}, at.unix_ns))
    return note(log_level::warning,
                "the list of revoked keys that a heartbeat names is older than the one in "
                "force, or was signed by no root that is believed");
  learned(at);
}

}  // namespace graphite
