#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "core/ports/chunk_store.hpp"

namespace graphite {

/// The chunk store in memory. Checks what it is told against the bytes, knows what a power cut would
/// lose, counts, and fails on demand. Thread-safe; outlives its writers. Needs graphite_bundle.
class memory_chunk_store final : public chunk_store {
 public:
  using list_digest = std::function<digest(const chunk_list&)>;

  /// Fault knobs and counters; set and read them between calls.
  struct knobs {
    std::uint64_t bytes_max = ~0ull;  ///< more than this in all is out_of_space
    std::optional<errc> fail_puts;    ///< put(), hold(), begin() and commit() fail so
    bool holds_full = false;          ///< hold() is busy
    std::optional<errc> fail_reads;
    std::optional<errc> fail_syncs;  ///< sync() and fold()
    std::set<digest> corrupt;        ///< read() of these fails with corrupt
    std::uint64_t puts = 0, holds = 0, writers = 0, reads = 0, syncs = 0, folds = 0;
    std::uint64_t bytes_stored = 0;
  };

  /// `of_list` says what a content is called: the digest of its chunk list.
  explicit memory_chunk_store(list_digest of_list) : digest_of_(std::move(of_list)) {}

  /// As the real store names contents. `hash` outlives this.
  explicit memory_chunk_store(const hasher& hash)
      : memory_chunk_store([&hash](const chunk_list& list) { return content_of(list, hash).id; }) {}

  knobs& options() { return knobs_; }
  std::size_t contents() const {
    const std::lock_guard lock(mutex_);
    return rows_.size();
  }
  /// Forgets what is not yet synced, as a power cut may.
  void lose_unsynced() {
    const std::lock_guard lock(mutex_);
    std::erase_if(rows_, [](const auto& row) { return !row.second.durable; });
  }
  /// Forgets one content, as a removed segment does.
  void remove(const digest& content) {
    const std::lock_guard lock(mutex_);
    rows_.erase(content);
  }

  result<stored_content> put(byte_span bytes, const chunk_list& chunks) override {
    const std::lock_guard lock(mutex_);
    ++knobs_.puts;
    return insert(byte_vector(bytes.begin(), bytes.end()), chunks, false);
  }

  result<std::unique_ptr<content_writer>> begin(std::uint64_t size) override {
    const std::lock_guard lock(mutex_);
    ++knobs_.writers;
    if (knobs_.fail_puts) return fail(*knobs_.fail_puts, "begin was told to fail");
    return std::make_unique<writer>(*this, size);
  }

  result<std::optional<stored_content>> find(const digest& content) const override {
    const std::lock_guard lock(mutex_);
    const auto found = rows_.find(content);
    return found == rows_.end() ? std::nullopt : std::optional(found->second.stored);
  }

  result<void> read(const digest& content, std::uint64_t offset, std::span<std::byte> out) const override {
    const std::lock_guard lock(mutex_);
    ++knobs_.reads;
    if (knobs_.fail_reads) return fail(*knobs_.fail_reads, "read was told to fail");
    const auto found = rows_.find(content);
    if (found == rows_.end()) return fail(errc::not_found, "no content " + to_hex(content));
    const auto& bytes = found->second.bytes;
    if (knobs_.corrupt.contains(content) || offset > bytes.size() || out.size() > bytes.size() - offset)
      return fail(errc::corrupt, "content " + to_hex(content));
    if (!out.empty()) std::memcpy(out.data(), bytes.data() + offset, out.size());
    return {};
  }

  result<void> sync() override {
    const std::lock_guard lock(mutex_);
    ++knobs_.syncs;
    if (knobs_.fail_syncs) return fail(*knobs_.fail_syncs, "sync was told to fail");
    for (auto& [content, row] : rows_) row.durable = row.durable || row.stored.where;
    return {};
  }

  result<stored_content> hold(byte_span bytes, const chunk_list& chunks) override {
    const std::lock_guard lock(mutex_);
    ++knobs_.holds;
    if (bytes.size() > inline_bytes_max) return fail(errc::too_large, "hold takes inline_bytes_max");
    if (knobs_.holds_full) return fail(errc::busy, "hold was told to be full");
    return insert(byte_vector(bytes.begin(), bytes.end()), chunks, true);
  }

  result<void> fold() override {
    const std::lock_guard lock(mutex_);
    ++knobs_.folds;
    if (knobs_.fail_syncs) return fail(*knobs_.fail_syncs, "fold was told to fail");
    for (auto& [content, row] : rows_) {
      if (!row.stored.where) row.stored.where = next_extent(row.bytes.size());
      row.durable = true;
    }
    return {};
  }

 private:
  struct row {
    stored_content stored;
    byte_vector bytes;
    bool durable = false;
  };

  class writer final : public content_writer {
   public:
    writer(memory_chunk_store& store, std::uint64_t size) : store_(store), size_(size) {}
    result<void> append(byte_span bytes) override {
      if (bytes.size() > size_ - bytes_.size())
        return fail(errc::invalid_argument, "more bytes than announced");
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
      return {};
    }
    result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
      if (offset > bytes_.size() || out.size() > bytes_.size() - offset)
        return fail(errc::invalid_argument, "bytes that are not appended yet");
      if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
      return {};
    }
    result<extent> keep_cut_off(bool) override { return fail(errc::unsupported, "a store in memory"); }
    result<stored_content> commit(const chunk_list& chunks) override {
      if (bytes_.size() != size_) return fail(errc::invalid_argument, "fewer bytes than announced");
      const std::lock_guard lock(store_.mutex_);
      return store_.insert(std::move(bytes_), chunks, false);
    }

   private:
    memory_chunk_store& store_;
    std::uint64_t size_;
    byte_vector bytes_;
  };

  extent next_extent(std::uint64_t length) {
    const extent out{segment_id{1}, end_, length};
    end_ += length;
    return out;
  }

  result<stored_content> insert(byte_vector bytes, const chunk_list& chunks, bool held) {
    if (knobs_.fail_puts) return fail(*knobs_.fail_puts, "put was told to fail");
    if (chunks.total_bytes() != bytes.size())
      return fail(errc::invalid_argument, "the chunk list does not describe the bytes");
    const content_ref ref{digest_of_(chunks), bytes.size()};
    if (const auto found = rows_.find(ref.id); found != rows_.end()) {
      if (!held && !found->second.stored.where) found->second.stored.where = next_extent(bytes.size());
      return found->second.stored;
    }
    if (bytes.size() > knobs_.bytes_max - std::min(knobs_.bytes_max, knobs_.bytes_stored))
      return fail(errc::out_of_space, "the store is full");
    knobs_.bytes_stored += bytes.size();
    row added{{ref, chunks, std::nullopt}, std::move(bytes), false};
    if (!held) added.stored.where = next_extent(added.bytes.size());
    return rows_.emplace(ref.id, std::move(added)).first->second.stored;
  }

  list_digest digest_of_;
  mutable std::mutex mutex_;
  mutable knobs knobs_;
  std::map<digest, row> rows_;
  std::uint64_t end_ = 0;
};

/// Cuts `bytes` as the product does and puts them.
inline content_ref add_content(chunk_store& store, byte_span bytes, const hasher& hash) {
  return store.put(bytes, chunk_bytes(bytes, hash))->ref;
}

}  // namespace graphite
