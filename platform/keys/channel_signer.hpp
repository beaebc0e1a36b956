#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "bundle/head_signature.hpp"

namespace graphite {

/// Signs with the keys of a publisher, which may be replaced at any time. Thread-safe.
class channel_signer final : public head_signer {
 public:
  struct channel_key {
    signed_statement statement;
    std::shared_ptr<const message_signer> signer;
  };
  struct keys {
    std::map<std::string, channel_key, std::less<>> channels;
    trust_news news;
  };

  explicit channel_signer(keys from) : keys_(std::make_shared<const keys>(std::move(from))) {}
  /// What is signed from now on is signed with these.
  void replace(keys next);

  result<byte_vector> sign_head(std::string_view channel, byte_span shared) const override;
  result<byte_vector> sign_state(const channel_state& state, const publisher_place& place) const override;
  trust_news news() const override;

 private:
  std::shared_ptr<const keys> now() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const keys> keys_;
};

}  // namespace graphite
