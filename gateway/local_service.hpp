#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "actors/cluster_facade.hpp"
#include "actors/facade.hpp"
#include "actors/jobs_facade.hpp"
#include "core/error.hpp"
#include "core/ports/audit_sink.hpp"
#include "core/ports/log.hpp"
#include "core/units.hpp"
#include "gateway/network_options.hpp"

namespace graphite {

/// Who is at the other end of a unix socket, as the kernel says (SO_PEERCRED).
struct peer_credentials {
  std::uint32_t uid = ~0u, gid = ~0u;
  std::int32_t pid = 0;
};

/// Our own user or root.
bool same_user_or_root(const peer_credentials& peer);

/// Limits of a local service, each with a defined refusal.
struct local_service_options {
  std::string state_folder;                      ///< the socket is `STATE/sock`
  std::string program;                           ///< version told to clients
  std::uint32_t connections_max = 64;            ///< more: hello answers `busy`
  std::uint32_t calls_per_connection_max = 32;   ///< more at once: `busy`
  std::uint32_t calls_outstanding_max = 1024;    ///< of all clients, vanished ones included: `busy`
  std::uint32_t holds_max = 64;                  ///< of all clients; more: `busy`
  std::uint32_t watches_per_connection_max = 8;  ///< of jobs and their logs, at once; more: `busy`
  std::uint32_t watches_max = 256;               ///< of all clients; more: `busy`
  milliseconds watch_poll{10'000};               ///< a watch asks anew after so long without news
  std::uint64_t request_bytes_max = 256 * KiB;   ///< more: the connection ends
  std::uint64_t answer_bytes_max =
      32 * MiB;                        ///< more: `too_large`; unread answers beyond: the connection ends
  milliseconds hello_timeout{5'000};   ///< no hello by then: the connection ends
  milliseconds query_timeout{30'000};  ///< `timed_out`; builds have none
  /// Refused peers are disconnected before a byte of theirs is read.
  std::function<bool(const peer_credentials&)> admit = same_user_or_root;
  network_options network = {};
  job_services jobs = {};           ///< of a coordinator; null: `unsupported`. Outlive the service
  cluster_desk* cluster = nullptr;  ///< of a coordinator; null: `unsupported`. Outlives the service
  audit_sink* audit = nullptr;      ///< told of each call that may change something; outlives the service
};

/// Serves one facade on `STATE/sock` to the same user's programs (schemas/service.capnp), and on TCP ports to
/// whom certificates or tokens name, each within its verbs.
///
/// Owns one thread with one event loop; the facade is called on that thread and may reply from any. A
/// client that vanishes costs nothing but its own calls: their replies are dropped, its holds released.
/// `facade` and `log` must outlive the object and every reply still owed. facade.stop() is called on the
/// service's thread and must return at once; destroying the local_service inside it would wait for itself.
class local_service {
 public:
  /// Listening when it returns. Errors: those of service_listener::open; permission_denied (an address that
  /// is not loopback, without keys), already_exists (a port is taken), invalid_argument (no address), corrupt
  /// (keys that cannot be read).
  static result<std::unique_ptr<local_service>> start(service_facade& facade, local_service_options options,
                                                      log_sink& log);
  /// Disconnects everybody, releases their holds, removes the socket, joins the thread.
  ~local_service();
  local_service(const local_service&) = delete;
  local_service& operator=(const local_service&) = delete;

  /// Clients to come are met with these keys, tokens to come are judged by these roots. Sessions
  /// stay, but for those by tokens of other roots, which end as with a token that was revoked. For a service
  /// that has keys. Any thread but the service's; waits for that one. Errors: corrupt (keys that
  /// cannot be read: those before stay), unsupported (there were none).
  result<void> use_keys(std::shared_ptr<const tls_identity> keys, std::vector<pinned_root> roots);

  const std::string& socket_path() const;
  /// "ADDRESS:PORT" of the ports that were asked for, with their real port; otherwise empty.
  const std::string& certificates_address() const;
  const std::string& tokens_address() const;
  /// The file of this start's token; empty where there are keys or no ports.
  std::string start_token_path() const;
  /// Whether it is this start's token. Any thread.
  bool start_token_matches(std::string_view shown) const;

 private:
  class impl;
  explicit local_service(std::unique_ptr<impl> self);
  std::unique_ptr<impl> impl_;
};

}  // namespace graphite
