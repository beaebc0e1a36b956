#pragma once

#include <memory>

#include "core/ports/log.hpp"
#include "core/ports/transport.hpp"
#include "platform/zmq/context.hpp"

namespace graphite {

/// Answers a context's questions about peers, in a thread of its own; ends with its destructor. Without it
/// the ports with keys let nobody in. Bounded: each connection asks once, and the ports bound those.
class zap_handler {
 public:
  struct counters {
    std::uint64_t admitted = 0, refused = 0;
  };
  /// One a context, before the ports. `admission` outlives it, and `log`, which gets its troubles and
  /// who was refused. Errors:
  /// already_exists, io.
  static result<std::unique_ptr<zap_handler>> start(std::shared_ptr<zmq_context> context,
                                                    peer_admission& admission, log_sink* log = nullptr);
  virtual ~zap_handler() = default;
  virtual counters count() const = 0;
};

}  // namespace graphite
