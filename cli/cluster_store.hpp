#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "cli/store_traffic.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/hasher.hpp"
#include "node/cache_value.hpp"

namespace graphite {

/// The chunk store of a node in a cluster: a store here, as a cache, and behind it the stores of all.
///
/// What is asked for and is not here is fetched; what was stored is brought to the stores by sync(), which
/// returns once each content is durable in as many of them as it has to be: that is what durable means here,
/// the cache itself need not be. Held contents are the caller's to make durable, as always. The cache is
/// bounded: fold() drops the least worth (node/cache_value.hpp), and so does whoever stores something into
/// one that is over its bound by a quarter, or finds the disk full. What waits for sync() is never dropped.
/// Thread-safe.
class cluster_store final : public chunk_store {
 public:
  struct options {
    cache_value::options cache = {};
    /// Drops from the cache all but the contents that `kept` says once this has begun, and what is stored
    /// meanwhile. Null: nothing is dropped.
    std::function<result<void>(const std::function<std::vector<digest>()>& kept)> collect = {};
    /// The cache has other bytes than these: it is to know the content no more. Null: they stay.
    std::function<result<void>(const digest&)> forget = {};
  };
  /// `local` and `traffic` outlive it.
  cluster_store(chunk_store& local, store_traffic& traffic, options chosen);

  result<stored_content> put(byte_span bytes, const chunk_list& chunks) override;
  result<std::unique_ptr<content_writer>> begin(std::uint64_t size) override;
  /// Blocks while it is fetched. Errors: those of the cache, and store_traffic::fetch but for not_found.
  result<std::optional<stored_content>> find(const digest& content) const override;
  result<void> read(const digest& content, std::uint64_t offset, std::span<std::byte> out) const override;
  result<void> sync() override;
  result<stored_content> hold(byte_span bytes, const chunk_list& chunks) override;
  result<void> fold() override;

  /// It is in the cache from before.
  void known(const content_ref& content) { used(content); }
  /// Fetches all that is not here at once: before an attempt that reads them begins. Says which of them no
  /// store has. Errors: as find().
  result<std::vector<digest>> fetch(std::span<const content_ref> contents) const;
  struct mended {
    std::uint64_t wrong = 0;   ///< contents that were wrong here, and are not any more
    std::vector<digest> lost;  ///< that no store has
  };
  /// The same once each was looked at, byte by byte: after an attempt that could not read one.
  result<mended> mend(std::span<const content_ref> contents, const hasher& hash);

 private:
  class writer;
  void stored(const content_ref& content);
  void used(const content_ref& content) const;
  result<void> bring(const std::map<digest, content_ref>& all);
  result<void> collect(bool only_if_needed);
  std::vector<digest> kept();
  result<void> make_room();

  chunk_store& local_;
  store_traffic& traffic_;
  const options options_;
  mutable std::mutex mutex_;
  mutable cache_value cache_;
  std::map<digest, content_ref> unsynced_;  ///< stored, and not known to be in the stores
  std::mutex collecting_;
  /// Shared by who stores something, until it is noted as stored; so what a collection takes for all there is
  /// lacks nothing that came before it.
  std::shared_mutex storing_;
};

}  // namespace graphite
