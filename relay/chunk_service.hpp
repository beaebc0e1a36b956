#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/messages/chunks.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/hasher.hpp"

namespace graphite {

/// What a chunk service serves from. All must be thread-safe and quick: they are called on the chunk
/// port's thread.
struct chunk_service_sources {
  const chunk_store* store = nullptr;  ///< outlives the service
  const hasher* hash = nullptr;
  /// Bytes of an index page of any kept generation of `channel`; of any channel where that is empty.
  std::function<std::optional<byte_vector>(std::string_view channel, const digest& page)> page;
  /// The newest head of a channel, encoded.
  struct current_head {
    byte_vector bytes;
    std::vector<byte_vector> hints;              ///< index pages from the root down, few
    std::uint64_t pages = 0, content_bytes = 0;  ///< about; zero: unknown
  };
  std::function<std::optional<current_head>(std::string_view channel)> head;
  /// The list of revoked keys in force, as signed, where heartbeats name it. Null, or null bytes: there is
  /// none.
  struct signed_list {
    digest id;
    std::shared_ptr<const byte_vector> bytes;
  };
  std::function<signed_list()> revocations;
};

/// Answers every request of the chunk port but `ack` (relay/ack_summary.hpp keeps those) and
/// `welcome` (relay/access_table.hpp).
///
/// Keeps no state between requests. Never trusts a number of the request: an answer holds at most
/// chunk_port_limits::reply_bytes_max raw bytes (one chunk more where the first is larger than the
/// credit; a list of what is behind is one answer of at most behind_bytes_max), reads only what it sends,
/// and a refusal says why.
class chunk_service {
 public:
  explicit chunk_service(chunk_service_sources sources) : sources_(std::move(sources)) {}
  chunk_reply answer(const chunk_request& request) const { return answer({{}, request}); }
  /// Index pages are those of the request's channel; whether anything else may be had is the caller's to
  /// check.
  chunk_reply answer(const scoped_request& request) const;

 private:
  chunk_reply snapshot(const snapshot_request& request) const;
  chunk_reply pages(std::string_view channel, const pages_request& request) const;
  chunk_reply list(const list_request& request) const;
  chunk_reply contents(const contents_request& request) const;
  chunk_reply behind(const behind_request& request) const;
  chunk_reply revocations(const revocations_request& request) const;

  chunk_service_sources sources_;
};

}  // namespace graphite
