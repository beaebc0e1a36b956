#include "platform/keys/channel_signer.hpp"

#include <fmt/format.h>

namespace graphite {

namespace {

result<const channel_signer::channel_key*> key_of(const channel_signer::keys& from,
                                                  std::string_view channel) {
  const auto found = from.channels.find(channel);
  if (found != from.channels.end()) return &found->second;
  return fail(
      errc::permission_denied,
      fmt::format("channel {} has no key that counts: `graphite keys rotate DIR --channel {}` makes one",
                  channel, channel));
}

}  // namespace

void channel_signer::replace(keys next) {
  auto made = std::make_shared<const keys>(std::move(next));
  const std::lock_guard lock(mutex_);
  keys_ = std::move(made);
}

std::shared_ptr<const channel_signer::keys> channel_signer::now() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

result<byte_vector> channel_signer::sign_head(std::string_view channel, byte_span shared) const {
  const auto with = now();
  GRAPHITE_TRY(const auto key, key_of(*with, channel));
  return signed_head(shared, key->statement, *key->signer);
}

result<byte_vector> channel_signer::sign_state(const channel_state& state,
                                               const publisher_place& place) const {
  const auto with = now();
  GRAPHITE_TRY(const auto key, key_of(*with, state.channel));
  return signed_state(state, place, key->statement, *key->signer);
}

trust_news channel_signer::news() const { return now()->news; }

}  // namespace graphite
