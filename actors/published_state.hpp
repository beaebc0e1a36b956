#pragma once

#include <map>
#include <mutex>
#include <set>

#include "bundle/head.hpp"
#include "core/messages/heads.hpp"
#include "core/ports/head_signer.hpp"
#include "relay/chunk_service.hpp"
#include "relay/kept_generations.hpp"

namespace graphite {

/// What all channels serve now: written by the channel actors, read by the chunk port's thread and the
/// heartbeat. Thread-safe, never blocks for long.
class published_state {
 public:
  /// `hash` and `signer` outlive the object; without a signer nothing is signed.
  published_state(incarnation_id publisher, const hasher& hash, const head_signer* signer = nullptr)
      : publisher_(publisher), hash_(hash), signer_(signer) {}

  /// `tree` is the index of `now`; called after its journal record is synced. Errors: those of the signer;
  /// then the generation before stays what is told.
  result<void> publish(const head& now, const index_tree& tree);
  /// The signer has other keys now. Errors: as above, of the first channel that fails; others are signed.
  result<void> sign_again();
  /// The newest index is read from other pages now.
  void rebase(const index_tree& tree) { kept_.rebase(tree); }
  /// Where chunks are served; 0: nowhere.
  void serve_chunks_on(std::uint16_t port);
  /// The encoded heartbeat: the signer's news, and all channels but those that it has no key for. Errors:
  /// others of the signer.
  result<byte_vector> beat(std::int64_t unix_ns) const;

  std::optional<chunk_service_sources::current_head> current(std::string_view channel) const;
  /// What may be asked for, and index pages.
  kept_generations& kept() { return kept_; }

 private:
  struct channel_now {
    head newest;
    byte_vector encoded;
    std::vector<byte_vector> hints;
  };
  const incarnation_id publisher_;
  const hasher& hash_;
  const head_signer* const signer_;
  mutable std::mutex mutex_;
  std::map<std::string, channel_now, std::less<>> channels_;
  kept_generations kept_;
  std::uint16_t chunk_port_ = 0;
};

}  // namespace graphite
