#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/ports/key_value_store.hpp"
#include "core/ports/log.hpp"

namespace graphite {

struct rocks_options {
  std::string folder;                      ///< made where it is missing, unless `read_only`
  bool read_only = false;                  ///< looks at the state without the lock; sees it as of the open
  std::uint64_t memtable_bytes = 8 << 20;  ///< of each table, before it is written out
  std::uint64_t wal_bytes_max = 4 << 20;   ///< bounds what an open replays
  std::uint64_t cache_bytes = 16 << 20;    ///< block cache of all tables

  /// Called once, from any thread, when a write or sync failed for another reason than space: nothing that
  /// is acknowledged afterwards could be trusted. A daemon ends the process in it; so does the default.
  /// Where it returns (tests), every further write() fails.
  std::function<void(const error&)> on_failed_sync = {};

  /// For tests: asked before each append and sync of a file ("append", "sync"); not 0: the errno to fail
  /// with.
  std::function<int(std::string_view operation)> fault = {};
};

/// The metadata store: RocksDB with one column family a table. Thread-safe; write() and open() block.
///
/// One process at a time (readers with `read_only` besides). A synced write costs one fdatasync of the log,
/// shared by the writers that wait together. Out of space, write() says so, reading goes on, and a later
/// write() succeeds by itself once there is room. Values up to `value_bytes_max`.
class rocks_store final : public key_value_store {
 public:
  static constexpr std::size_t value_bytes_max = 64 << 20;
  static constexpr std::uint32_t format_version = 1;

  /// Errors: already_exists (another process holds it; the context says which), newer_version (written by a
  /// later program; the context says what to do), corrupt, not_found (`read_only`, nothing there),
  /// out_of_space, permission_denied, io.
  static result<std::unique_ptr<rocks_store>> open(rocks_options options, log_sink& log);
  ~rocks_store() override;

  /// As if a sync had failed: every further write() fails. For whoever finds out elsewhere that nothing that
  /// is acknowledged could be trusted any more.
  void refuse_writes();

  result<std::optional<std::string>> get(table where, std::string_view key) const override;
  /// Besides the port's: too_large over `value_bytes_max`, permission_denied when opened `read_only`.
  result<void> write(const std::vector<row_write>& rows, durability how) override;
  result<void> scan(table where, std::string_view prefix,
                    const std::function<bool(std::string_view, std::string_view)>& visit) const override;

 private:
  struct state;
  explicit rocks_store(std::unique_ptr<state> state);
  std::unique_ptr<state> state_;
};

}  // namespace graphite
