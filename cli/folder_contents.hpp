#pragma once

#include <filesystem>
#include <map>
#include <mutex>

#include "core/ports/chunk_store.hpp"
#include "core/ports/hasher.hpp"

namespace graphite {

/// Contents that are fetched to be files: each is one in a folder, named by its digest, until it is taken.
///
/// The folder is this store's own. Nothing is synced: who needs that syncs what he has made of the files.
/// Thread-safe; a content's file is given away by one caller.
class folder_contents final : public chunk_store {
 public:
  /// The folder is there. `hash` outlives this.
  folder_contents(std::filesystem::path folder, const hasher& hash)
      : folder_(std::move(folder)), hash_(hash) {}

  std::filesystem::path file_of(const digest& content) const { return folder_ / to_hex(content); }
  /// Knows of none any more, and removes their files that are still there. Errors: io.
  result<void> clear();

  result<stored_content> put(byte_span bytes, const chunk_list& chunks) override;
  result<std::unique_ptr<content_writer>> begin(std::uint64_t size) override;
  result<std::optional<stored_content>> find(const digest& content) const override;
  result<void> read(const digest& content, std::uint64_t offset, std::span<std::byte> out) const override;
  result<void> sync() override { return {}; }
  result<stored_content> hold(byte_span bytes, const chunk_list& chunks) override {
    return put(bytes, chunks);
  }
  result<void> fold() override { return {}; }

 private:
  class writer;
  stored_content add(const stored_content& what);

  const std::filesystem::path folder_;
  const hasher& hash_;
  mutable std::mutex mutex_;
  std::map<digest, stored_content> all_;
  std::uint64_t last_ = 0;  ///< of files that are being written
};

}  // namespace graphite
