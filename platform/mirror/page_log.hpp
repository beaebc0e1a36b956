#pragma once

#include <memory>
#include <unordered_map>

#include "platform/mirror/record_log.hpp"

namespace graphite {

/// Index pages by digest in one append-only file. One thread writes; the digests are the reader's to check.
class page_log {
 public:
  static result<page_log> open(int folder, const std::string& name);

  bool has(const digest& id) const { return where_.contains(id); }
  /// Errors: not_found, corrupt, io.
  result<byte_vector> read(const digest& id) const;
  struct page {
    digest id;
    byte_span bytes;
  };
  /// One write; those that are here are skipped.
  result<void> append(const std::vector<page>& pages);
  /// Keeps only what `live` names, where more than half of the file is something else.
  result<void> compact(const std::vector<digest>& live);
  std::uint64_t bytes() const { return log_->bytes(); }
  int descriptor() const { return log_->descriptor(); }

 private:
  struct place {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
  };
  explicit page_log(record_log log) : log_(std::make_unique<record_log>(std::move(log))) {}

  std::unique_ptr<record_log> log_;
  std::unordered_map<digest, place> where_;
};

}  // namespace graphite
