#pragma once

#include <unordered_map>

#include "core/ports/chunk_store.hpp"

namespace graphite {

/// The rows looked up lately. Not thread-safe.
///
/// Two generations: a full young one becomes the old one, whose entries come back when they are used. About
/// as good as least recently used at half its bookkeeping. Bound: `rows_max` rows, those with long chunk
/// lists counting for several.
class row_cache {
 public:
  explicit row_cache(std::size_t rows_max) : half_(rows_max / 2 + 1) {}

  /// Null where it is not kept. Good until the next call.
  const stored_content* find(const digest& content) {
    if (auto at = young_.find(content); at != young_.end()) return &at->second;
    auto at = old_.find(content);
    if (at == old_.end()) return nullptr;
    auto row = std::move(at->second);
    old_.erase(at);
    return &insert(std::move(row));
  }

  /// The row as it is kept, good until the next call; replaces one of the same content.
  const stored_content& insert(stored_content row) {
    if (weight_ >= half_) {
      old_ = std::move(young_);
      young_.clear();
      weight_ = 0;
    }
    weight_ += 1 + row.chunks.chunks.size() / 8;
    const auto id = row.ref.id;
    old_.erase(id);
    return young_.insert_or_assign(id, std::move(row)).first->second;
  }

  void erase(const digest& content) {
    young_.erase(content);
    old_.erase(content);
  }

 private:
  std::size_t half_, weight_ = 0;
  std::unordered_map<digest, stored_content> young_, old_;
};

}  // namespace graphite
