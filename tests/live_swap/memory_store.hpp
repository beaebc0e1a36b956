#pragma once

#include <cstring>
#include <map>
#include <mutex>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "core/ports/chunk_store.hpp"

namespace graphite::test {

/// A chunk store in memory. Thread-safe. Streams, syncs and holds are what put() is.
class memory_store final : public chunk_store {
 public:
  explicit memory_store(const hasher& hash) : hash_(hash) {}

  content_ref add(byte_span bytes) {
    const chunk_list chunks = chunk_bytes(bytes, hash_);
    return put(bytes, chunks)->ref;
  }
  void forget(const digest& content) {
    const std::lock_guard lock(mutex_);
    contents_.erase(content);
  }

  result<stored_content> put(byte_span bytes, const chunk_list& chunks) override {
    const content_ref ref = content_of(chunks, hash_);
    const std::lock_guard lock(mutex_);
    const auto& entry =
        contents_.try_emplace(ref.id, entry_type{{bytes.begin(), bytes.end()}, {ref, chunks, std::nullopt}})
            .first->second;
    return entry.stored;
  }
  result<std::unique_ptr<content_writer>> begin(std::uint64_t) override {
    return fail(errc::unsupported, "not here");
  }
  result<std::optional<stored_content>> find(const digest& content) const override {
    const std::lock_guard lock(mutex_);
    const auto found = contents_.find(content);
    if (found == contents_.end()) return std::optional<stored_content>{};
    return std::optional(found->second.stored);
  }
  result<void> read(const digest& content, std::uint64_t offset, std::span<std::byte> out) const override {
    const std::lock_guard lock(mutex_);
    const auto found = contents_.find(content);
    if (found == contents_.end()) return fail(errc::not_found, "no content");
    if (offset + out.size() > found->second.bytes.size()) return fail(errc::corrupt, "out of range");
    std::memcpy(out.data(), found->second.bytes.data() + offset, out.size());
    return {};
  }
  result<void> sync() override { return {}; }
  result<stored_content> hold(byte_span bytes, const chunk_list& chunks) override {
    return put(bytes, chunks);
  }
  result<void> fold() override { return {}; }

 private:
  struct entry_type {
    byte_vector bytes;
    stored_content stored;
  };
  const hasher& hash_;
  mutable std::mutex mutex_;
  std::map<digest, entry_type> contents_;
};

}  // namespace graphite::test
