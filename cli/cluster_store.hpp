#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "cli/store_traffic.hpp"
#include "core/ports/chunk_store.hpp"
#include "node/cache_value.hpp"

namespace graphite {

/// The chunk store of a node in a cluster: a store here, as a cache, and behind it the stores of all.
///
/// What is asked for and is not here is fetched; what was stored is brought to the stores by sync(), which
/// returns once each content is durable in as many of them as it has to be: that is what durable means here,
/// the cache itself need not be. Held contents are the caller's to make durable, as always. The cache is
/// bounded: fold() drops the least worth (node/cache_value.hpp), and so does whoever stores something into
/// one that is over its bound by a quarter. What waits for sync() is never dropped. Thread-safe.
class cluster_store final : public chunk_store {
 public:
  struct options {
    cache_value::options cache = {};
    /// Drops from the cache all but these contents, and what is being stored meanwhile. Null: nothing is
    /// dropped.
    std::function<result<void>(std::span<const digest> kept)> collect = {};
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

  /// Fetches all that is not here at once: before an attempt that reads them begins. Errors: as find(), and
  /// not_found.
  result<void> fetch(std::span<const content_ref> contents) const;

 private:
  class writer;
  void stored(const content_ref& content);
  void used(const content_ref& content) const;
  result<void> bring(const std::map<digest, content_ref>& all);
  result<void> collect(bool only_if_needed);

  chunk_store& local_;
  store_traffic& traffic_;
  const options options_;
  mutable std::mutex mutex_;
  mutable cache_value cache_;
  std::map<digest, content_ref> unsynced_;  ///< stored, and not known to be in the stores
  std::mutex collecting_;
};

}  // namespace graphite
