#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/control_keys.hpp"
#include "core/messages/control.hpp"
#include "core/ports/hasher.hpp"
#include "platform/crypto/curve_keys.hpp"
#include "platform/rocksdb/rocks_store.hpp"
#include "platform/store/segment_store.hpp"

namespace graphite {

/// Rows and segments in a folder of their own.
struct content_folder {
  std::unique_ptr<rocks_store> rows;
  std::unique_ptr<segment_store> contents;

  /// `bytes_max`: about what its files are to take; segments are smaller by far. Errors: those of both
  /// stores.
  result<void> open(const std::string& folder, std::uint64_t bytes_max, const hasher& hash, log_sink& log,
                    const std::function<void(const error&)>& on_failed_sync);
};

struct node_store_options {
  std::string folder;
  std::string listen;           ///< ADDRESS:PORT
  std::uint64_t bytes_max = 0;  ///< of its files; 0: three quarters of the file system
  std::uint32_t keep_s = 600;   ///< what was used since does not go
  std::function<void(const error&)> on_failed_sync;
  std::function<void(control::need_question)> ask;  ///< to the coordinator; these may be lost
  std::function<void(const control::store_state&)> tell;
};

/// The store that a node keeps for its cluster: its port, and what it does by itself. Owns every adapter and
/// thread of it. Thread-safe.
class node_store {
 public:
  /// `own` is the key that its port proves; `keys`, `hash`, `clock` and `log` outlive it. Errors: those of
  /// the folder and the port.
  static result<std::unique_ptr<node_store>> open(const node_store_options& options, curve_pair_ptr own,
                                                  control_keys& keys, const hasher& hash, clock_source& clock,
                                                  log_sink& log);
  virtual ~node_store() = default;
  /// HOST:PORT.
  virtual std::string address() const = 0;
  /// What the coordinator says.
  virtual void use(const control::settings& said) = 0;
  virtual void answered(const control::need_answer& said) = 0;
};

}  // namespace graphite
