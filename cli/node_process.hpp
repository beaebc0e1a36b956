#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/node.hpp"
#include "core/error.hpp"
#include "core/ports/log.hpp"

namespace graphite {

/// One node of a cluster: its attempts, its store, its connection. Owns every adapter and thread.
class node_process {
 public:
  /// `on_end`: it has left, or (with why) the coordinator will never take it; any thread, once.
  /// Errors: those of the keys, the state folder and the ports; invalid_argument (an option that is none).
  static result<std::unique_ptr<node_process>> open(const node_options& options, log_sink& log,
                                                    std::function<void(const error* why)> on_end);
  virtual ~node_process() = default;
  virtual const std::string& name() const = 0;
  /// Of its store's port; empty: it has none.
  virtual std::string store_address() const = 0;
  virtual void leave(const std::string& why) = 0;
};

}  // namespace graphite
