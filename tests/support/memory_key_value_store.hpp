#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/ports/key_value_store.hpp"

namespace graphite {

/// The metadata store in memory. Knows what a power cut would lose, counts what it was asked, and fails
/// on demand. Thread-safe.
class memory_key_value_store final : public key_value_store {
 public:
  /// Fault knobs and counters; set and read them between calls.
  struct knobs {
    std::optional<errc> fail_reads;           ///< get() and scan() fail so
    std::optional<errc> fail_writes;          ///< write() fails so and changes nothing
    std::uint64_t fail_writes_after = ~0ull;  ///< this many more writes succeed, then `fail_writes_with`
    errc fail_writes_with = errc::io;
    std::uint64_t gets = 0, scans = 0, writes = 0, synced_writes = 0, rows_written = 0;
  };
  knobs& options() { return knobs_; }

  /// Forgets every write since the last synced one, as a power cut may.
  void lose_unsynced() {
    const std::lock_guard lock(mutex_);
    tables_ = synced_;
    unsynced_.clear();
  }
  std::size_t rows(table where) const {
    const std::lock_guard lock(mutex_);
    return tables_[static_cast<std::size_t>(where)].size();
  }

  result<std::optional<std::string>> get(table where, std::string_view key) const override {
    const std::lock_guard lock(mutex_);
    ++knobs_.gets;
    if (knobs_.fail_reads) return fail(*knobs_.fail_reads, "get was told to fail");
    const auto& rows = tables_[static_cast<std::size_t>(where)];
    const auto found = rows.find(key);
    return found == rows.end() ? std::nullopt : std::optional<std::string>(found->second);
  }

  result<void> write(const std::vector<row_write>& rows, durability how) override {
    const std::lock_guard lock(mutex_);
    if (knobs_.fail_writes) return fail(*knobs_.fail_writes, "write was told to fail");
    if (knobs_.fail_writes_after == 0) return fail(knobs_.fail_writes_with, "write was told to fail now");
    if (knobs_.fail_writes_after != ~0ull) --knobs_.fail_writes_after;
    ++knobs_.writes;
    knobs_.rows_written += rows.size();
    for (const auto& row : rows) apply(tables_, row);
    unsynced_.insert(unsynced_.end(), rows.begin(), rows.end());
    if (how == durability::synced) {
      ++knobs_.synced_writes;
      for (const auto& row : unsynced_) apply(synced_, row);
      unsynced_.clear();
    }
    return {};
  }

  /// `visit` sees the rows as they were when the scan began and may call the store.
  result<void> scan(table where, std::string_view prefix,
                    const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    std::vector<std::pair<std::string, std::string>> rows;
    {
      const std::lock_guard lock(mutex_);
      ++knobs_.scans;
      if (knobs_.fail_reads) return fail(*knobs_.fail_reads, "scan was told to fail");
      const auto& all = tables_[static_cast<std::size_t>(where)];
      for (auto at = all.lower_bound(prefix); at != all.end() && at->first.starts_with(prefix); ++at)
        rows.emplace_back(*at);
    }
    for (const auto& [key, value] : rows)
      if (!visit(key, value)) break;
    return {};
  }

 private:
  using table_rows = std::map<std::string, std::string, std::less<>>;

  using all_tables = std::array<table_rows, table_count>;

  static void apply(all_tables& tables, const row_write& row) {
    auto& rows = tables[static_cast<std::size_t>(row.where)];
    if (row.value)
      rows.insert_or_assign(row.key, *row.value);
    else
      rows.erase(row.key);
  }

  mutable std::mutex mutex_;
  mutable knobs knobs_;
  all_tables tables_, synced_;
  std::vector<row_write> unsynced_;
};

}  // namespace graphite
