#pragma once

#include "platform/crypto/ed25519.hpp"
#include "platform/keys/channel_signer.hpp"
#include "tests/runtime/subscriber_rig.hpp"

namespace graphite::test {

struct trust_times {
  static constexpr std::int64_t start_ns = 1'700'000'000'000'000'000, day = 86'400'000'000'000;
  static constexpr epoch_number first_epoch{1'700'000'000};
};

/// A root with a key of one channel.
struct authority : trust_times {
  std::unique_ptr<ed25519_signer> root = ed25519_signer::generate().value();
  std::shared_ptr<ed25519_signer> key = ed25519_signer::generate().value();
  trust_news news;

  channel_signer::keys keys_for(const std::string& channel, std::uint64_t serial = 1,
                                validity valid = {start_ns - day, start_ns + 60 * day}) const {
    channel_signer::keys out;
    out.channels[channel] = {sign_channel_key({channel, key->key(), serial, valid}, *root).value(), key};
    out.news = news;
    return out;
  }
  void revoke(std::uint64_t number, std::set<std::uint64_t> serials) {
    news.revocations = encode_signed(sign_revocations({number, std::move(serials), {}}, *root).value());
  }
  /// A list that is too long for a heartbeat, of `entries` that nobody has and what is given. For the chunk
  /// port.
  chunk_service_sources::signed_list revoke_many(std::uint64_t number, std::set<std::uint64_t> serials,
                                                 std::size_t entries, const hasher& hash) {
    std::set<curve_key> clients;
    for (std::size_t i = 0; i < entries; ++i) {
      curve_key one;
      const auto id = hash.sha256(as_bytes(std::to_string(i)));
      std::ranges::transform(id.bytes, one.bytes.begin(), [](auto byte) { return std::byte{byte}; });
      clients.insert(one);
    }
    auto list =
        encode_signed(sign_revocations({number, std::move(serials), std::move(clients)}, *root).value());
    news.longer = {hash.sha256(list), static_cast<std::uint32_t>(list.size())};
    return {news.longer.id, std::make_shared<const byte_vector>(std::move(list))};
  }
};

/// Subscribers that pin a root, and publishers whose keys it signed.
class subscriber_trust : public subscriber_test, protected trust_times {
 protected:
  /// A subscriber of channel main that pins the root of `of`.
  std::unique_ptr<rig> pin(const authority& of, subscriber_memory memory = {}) {
    gate_ = std::make_unique<head_gate>(std::vector<pinned_root>{of.root->key()}, verifier_);
    auto options = rig::make_options("main");
    options.gate = gate_.get();
    return std::make_unique<rig>(hash_, options, std::move(memory));
  }
  std::unique_ptr<small_publisher> serving(const head_signer& signer, epoch_number epoch = first_epoch,
                                           std::uint8_t lineage = 1, std::string channel = "main") {
    small_publisher::options options{std::move(channel), {}, epoch, &signer};
    options.lineage.value.bytes.fill(lineage);
    return std::make_unique<small_publisher>(options, hash_);
  }
  /// A subscriber that shows the first generation of its publisher.
  std::pair<std::unique_ptr<rig>, std::unique_ptr<small_publisher>> followed() {
    auto r = pin(own_);
    auto p = serving(signer_);
    r->serve(*p);
    p->edit("a", "one");
    p->publish();
    r->beat();
    return {std::move(r), std::move(p)};
  }
  static bool said(const rig& r, std::string_view part) {
    return std::ranges::any_of(r.said, [&](const auto& one) { return one.find(part) != std::string::npos; });
  }
  /// What r has seen, for a subscriber whose folder was lost.
  static subscriber_memory memory_of(const rig& r) {
    const auto& now = *r.core.active();
    return {std::nullopt, {{now.lineage, now.epoch, now.sequence}}};
  }

  authority own_;
  channel_signer signer_{own_.keys_for("main")};
  ed25519_verifier verifier_;
  std::unique_ptr<head_gate> gate_;
};

}  // namespace graphite::test
