#pragma once

#include <kj/async-io.h>
#include <kj/function.h>
#include <kj/timer.h>

#include "core/ports/log.hpp"
#include "core/rate_limit.hpp"

namespace graphite {

/// Accepts the connections of one port, no more of them than a rate allows: the rest wait in the kernel's
/// backlog. Lives on one event loop's thread.
class paced_acceptor {
 public:
  /// `timer` and `log` outlive it.
  paced_acceptor(kj::Own<kj::ConnectionReceiver> receiver, event_rate most, kj::Timer& timer, log_sink& log)
      : receiver_(kj::mv(receiver)), rate_(most), timer_(timer), log_(log) {}

  /// Gives each connection to `admit`, which does not wait. Never ends, whatever goes wrong with one.
  kj::Promise<void> run(kj::Function<void(kj::AuthenticatedStream)> admit);

 private:
  kj::Promise<void> go_on();
  kj::Promise<void> accept_one();

  kj::Own<kj::ConnectionReceiver> receiver_;
  rate_limit rate_;
  kj::Timer& timer_;
  log_sink& log_;
  kj::Function<void(kj::AuthenticatedStream)> admit_ = [](kj::AuthenticatedStream) {};
};

}  // namespace graphite
