#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actors/facade.hpp"
#include "core/error.hpp"
#include "core/units.hpp"
#include "gateway/network_options.hpp"

namespace graphite {

/// Where a service is met over TCP, and by what the client is known there.
struct service_address {
  std::string at;  ///< "HOST:PORT"
  /// The client's certificate, which may be missing where there is a token, and the authority of the service.
  /// Null: no TLS, which is for loopback alone.
  std::shared_ptr<const tls_identity> keys;
  std::shared_ptr<const secret_bytes> token;  ///< null: none
};

struct service_client_options {
  std::string state_folder;  ///< its unix socket, unless `address` names a port
  std::string program;       ///< our version, for the service's log
  milliseconds hello_timeout{5'000};
  milliseconds call_timeout{60'000};  ///< of everything but build and gc: `timed_out`
  service_address address = {};
};

enum class hold_state {
  in_force,
  ended,  ///< by release() or somebody's release_all()
  service_gone
};

/// Asks a resident service, one blocking call at a time.
///
/// Belongs to the thread that made it, and at most one exists per thread (it owns the thread's event loop).
/// Every call may fail with `unavailable` (the service went away), `timed_out`, `busy` or `corrupt` (an
/// answer that makes no sense) beside what the facade says.
class service_client {
 public:
  /// Connects and agrees on the protocol. Errors: unavailable (nobody there), newer_version (another
  /// protocol; the context names both programs), permission_denied (either side refuses the other's proof, or
  /// a token would travel in the clear), busy, timed_out, invalid_argument (no HOST:PORT), corrupt (keys that
  /// cannot be read).
  static result<std::unique_ptr<service_client>> connect(service_client_options options);
  ~service_client();
  service_client(const service_client&) = delete;
  service_client& operator=(const service_client&) = delete;

  const std::string& service_program() const;  ///< its version
  std::uint64_t service_pid() const;

  result<build_summary> build(build_request request);
  result<service_status> status();
  result<why_answer> why(const std::string& path);
  result<trace_page> trace(const std::string& build, std::uint64_t after);
  result<graph_answer> graph(const graph_query& query);
  result<generation_diff> diff(const std::string& channel, std::uint64_t from, std::uint64_t to);
  result<head> rollback(const std::string& channel, std::uint64_t sequence);

  /// No deadline: it begins when nothing is being built.
  result<gc_report> gc(const gc_request& request);

  /// Holds revisions back until release(), `timeout` (zero: none) or the end of this client. One at a time.
  result<void> hold(milliseconds timeout);
  /// Ends our hold; false where it had ended before.
  result<bool> release();
  /// Ends every client's hold; how many were in force.
  result<std::uint32_t> release_all();
  /// What has become of our hold after at most `wait`. Of use in a loop that also minds other things.
  hold_state wait_for_hold_end(milliseconds wait);

  /// Asks it to end and waits for that. Errors: timed_out (it was told, and still runs).
  result<void> stop(milliseconds timeout);

 private:
  friend class cluster_client;
  friend class job_client;
  class impl;
  explicit service_client(std::unique_ptr<impl> self);
  std::unique_ptr<impl> impl_;
};

}  // namespace graphite
