#include "actors/published_state.hpp"

#include "bundle/head_codec.hpp"
#include "relay/announcer.hpp"
#include "schemas/codec/announcement.hpp"

namespace graphite {

namespace {
constexpr duration record_lives_for = seconds(10);
}

result<void> published_state::publish(const head& now, const index_tree& tree) {
  kept_.publish(now, tree);
  channel_now next{now, {}, {}};
  GRAPHITE_TRY(next.encoded, encode_wire_head(now, hash_, signer_));
  const auto root = tree.root_node()->bytes();
  next.hints.emplace_back(root.begin(), root.end());
  const std::lock_guard lock(mutex_);
  channels_.insert_or_assign(now.channel, std::move(next));
  return {};
}

result<void> published_state::sign_again() {
  const std::lock_guard lock(mutex_);
  result<void> out;
  for (auto& [name, now] : channels_) {
    auto encoded = encode_wire_head(now.newest, hash_, signer_);
    if (encoded)
      now.encoded = std::move(*encoded);
    else if (out)
      out = tl::unexpected(encoded.error());
  }
  return out;
}

void published_state::serve_chunks_on(std::uint16_t port) {
  const std::lock_guard lock(mutex_);
  chunk_port_ = port;
}

result<byte_vector> published_state::beat(std::int64_t unix_ns) const {
  heartbeat out;
  if (signer_ != nullptr) out.news = signer_->news();
  const std::lock_guard lock(mutex_);
  out.place = {publisher_, "", chunk_port_};
  for (const auto& [name, now] : channels_) {
    if (out.channels.size() == heartbeat::channels_max) break;
    auto state = make_channel_state(now.newest, out.place, unix_ns, record_lives_for, signer_);
    // Without a key it falls silent alone; what is revoked has to be heard all the same.
    if (!state && state.error().code == errc::permission_denied) continue;
    if (!state) return tl::unexpected(state.error());
    out.channels.push_back(std::move(*state));
  }
  return encode(out);
}

std::optional<chunk_service_sources::current_head> published_state::current(std::string_view channel) const {
  const std::lock_guard lock(mutex_);
  const auto found = channels_.find(channel);
  if (found == channels_.end()) return std::nullopt;
  chunk_service_sources::current_head out;
  out.bytes = found->second.encoded;
  out.hints = found->second.hints;
  return out;
}

}  // namespace graphite
