#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "core/ports/chunk_store.hpp"
#include "core/ports/file_reader.hpp"

namespace graphite {

/// What is to be uploaded, as a store that can only be read: bytes that are here, and files where they lie.
///
/// One thread at a time. A file may be another by now: then its bytes are wrong or end too early, and whoever
/// reads them finds that out by their digest. Bound: memory_bytes_max of bytes, and open_files_max files.
class snapshot_contents final : public chunk_store {
 public:
  struct options {
    std::uint64_t whole_bytes_max = 8 * MiB;    ///< up to this a file is read at once
    std::uint64_t memory_bytes_max = 64 * MiB;  ///< of files that were read at once
    std::size_t open_files_max = 16;            ///< larger ones, that are being read
  };
  struct place {
    std::uint64_t size = 0;
    std::variant<byte_vector, logical_path> where;
  };
  using finder = std::function<std::optional<place>(const digest&)>;

  /// `files` outlives it.
  snapshot_contents(finder find, const file_reader& files, options chosen)
      : find_(std::move(find)), files_(files), options_(chosen) {}
  snapshot_contents(finder find, const file_reader& files)
      : snapshot_contents(std::move(find), files, options()) {}

  /// Errors: not_found (no such content), busy (the file is shorter than it was, or gone), corrupt (out of
  /// range), those of the file.
  result<void> read(const digest& content, std::uint64_t offset, std::span<std::byte> out) const override;
  /// Files are read anew from now on. Not while it is being read.
  void forget();
  /// Read so far, for progress bars. Any thread.
  std::uint64_t bytes_read() const { return bytes_read_.load(); }

  // It takes nothing.
  result<stored_content> put(byte_span, const chunk_list&) override { return nothing_taken(); }
  result<std::unique_ptr<content_writer>> begin(std::uint64_t) override { return nothing_taken(); }
  result<std::optional<stored_content>> find(const digest&) const override { return std::nullopt; }
  result<void> sync() override { return {}; }
  result<stored_content> hold(byte_span, const chunk_list&) override { return nothing_taken(); }
  result<void> fold() override { return {}; }

 private:
  static constexpr std::uint64_t place_bytes = 160;  ///< that a whole file takes beside its bytes
  struct whole {
    digest content;
    byte_vector bytes;
  };
  struct stream {
    digest content;
    std::uint64_t at = 0;
    std::unique_ptr<open_file> file;
  };
  static tl::unexpected<error> nothing_taken() {
    return fail(errc::unsupported, "contents that are uploaded are only read");
  }
  result<void> read_whole(const digest& content, const logical_path& path, std::uint64_t size,
                          std::uint64_t offset, std::span<std::byte> out) const;
  result<void> read_on(const digest& content, const logical_path& path, std::uint64_t offset,
                       std::span<std::byte> out) const;
  result<stream> open_at(const digest& content, const logical_path& path, std::uint64_t offset) const;

  const finder find_;
  const file_reader& files_;
  const options options_;
  mutable std::list<whole> wholes_;  ///< the last that was asked for first
  mutable std::unordered_map<digest, std::list<whole>::iterator> whole_at_;
  mutable std::list<stream> streams_;  ///< the same
  mutable std::uint64_t memory_bytes_ = 0;
  mutable std::atomic<std::uint64_t> bytes_read_ = 0;
};

}  // namespace graphite
