#pragma once

#include <kj/async-io.h>
#include <kj/compat/http.h>

#include <list>

#include "gateway/http_pages.hpp"
#include "gateway/live_tls.hpp"
#include "gateway/paced_acceptor.hpp"
#include "gateway/refusal_log.hpp"

namespace graphite {

/// The port of an HTTP server: hears one request of each client and answers it, on the server's loop thread,
/// without ever waiting for one of them.
///
/// Bounds are those of http_limits. Newer clients push out older ones, of the unproved the unproved alone:
/// who opens many connections and says nothing keeps nobody out, and cuts off nobody who showed a
/// certificate.
class http_port final : private kj::TaskSet::ErrorHandler {
 public:
  /// What it is made of: all but `receiver` outlive it.
  struct parts {
    kj::Own<kj::ConnectionReceiver> receiver;
    const live_tls& tls;
    const http_sources& sources;
    const http_server_options& options;
    kj::Timer& timer;
    log_sink& log;
  };
  explicit http_port(parts from);
  ~http_port() noexcept(false);

  /// Never ends, whatever goes wrong with one client.
  kj::Promise<void> run();

 private:
  class visitor;

  void admit(kj::AuthenticatedStream client);
  void taskFailed(kj::Exception&& problem) override;

  struct known_headers {
    kj::HttpHeaderTable::Builder builder;
    kj::HttpHeaderId authorization = builder.add("Authorization");
    kj::Own<kj::HttpHeaderTable> table = builder.build();
  };

  const http_limits& limits_;
  const live_tls& tls_;
  kj::Timer& timer_;
  log_sink& log_;
  paced_acceptor acceptor_;
  refusal_log refusals_;
  http_pages pages_;
  known_headers headers_;
  identity_table identities_;
  std::list<visitor*> unproved_, proved_;  ///< oldest first
  kj::TaskSet visitors_;                   // last: they use all of the above
};

}  // namespace graphite
