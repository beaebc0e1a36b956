#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/cluster_facade.hpp"
#include "actors/jobs/job_parts.hpp"
#include "actors/jobs_facade.hpp"
#include "coordinator/cluster/dispatcher.hpp"
#include "core/hello.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/key_value_store.hpp"
#include "core/ports/log.hpp"
#include "core/tls_files.hpp"

/// \file A coordinator's side of the cluster, beside a local_system whose attempts it gives to nodes. CAF's
/// names are not in it.

namespace graphite {

class system_extension;
class view_intake;

/// How control connections are kept safe, on both sides; all outlive who gets it.
struct control_security {
  tls_files files;
  std::function<result<void>(const tls_files&)> check_files;  ///< see check_tls_files
  std::function<result<void>()> check_calls;                  ///< see check_ssl_calls
  std::shared_ptr<const hello_identity> self;
  const signature_verifier* verifier = nullptr;
  std::function<role_trust()> trust;  ///< now in force; any thread
  random_source* random = nullptr;    ///< theirs alone
  /// Of who listens: whom TLS refused since the last call (see take_refused_peers), a line for each.
  std::function<std::vector<std::string>()> refused_by_tls = [] { return std::vector<std::string>(); };
};

/// What a view's attempts need done before and after. Called by threads of `submit`; block.
struct view_traffic {
  /// False where no more work is taken.
  std::function<bool(std::function<void()>)> submit;
  /// Sees to it that the stores have all inputs; says which contents of them nobody has. Errors: corrupt (a
  /// source is another by now), those of the stores.
  std::function<result<std::vector<digest>>(const attempt_spec&)> bring;
  /// Sees to it that outputs are here, for who publishes them.
  std::function<result<void>(const attempt_result&)> fetch;
  /// A result that is there already, by the task's key, with outputs that are stored still.
  std::function<std::optional<attempt_result>(const attempt_spec&, const digest& key)> known =
      [](const auto&, const auto&) { return std::optional<attempt_result>(); };
  /// Told of each end before the engine hears of it; `found`: nothing ran. By any thread.
  std::function<void(const attempt_spec&, const attempt_result&, bool found)> on_end =
      [](const auto&, const auto&, bool) {};
  /// No store has the right bytes of these contents of its inputs: the next bring() brings them again.
  std::function<void(const attempt_spec&, const std::vector<digest>& lost)> lost;
};

struct cluster_control_options {
  std::string address = "127.0.0.1";  ///< an IP address of this machine
  std::uint16_t port = 7401;          ///< 0: a free one
  control_security security;
  clock_source* clock = nullptr;
  log_sink* log = nullptr;
  key_value_store* rows = nullptr;
  std::shared_ptr<const hasher> hash;
  dispatcher_options dispatching;     ///< its epoch is filled in
  std::uint32_t copies = 1;           ///< of each content
  duration store_away = seconds(30);  ///< a store that is away for longer is not waited for
  std::map<std::string, digest> tools;
  view_traffic traffic;
  view_intake* views = nullptr;  ///< that watchers feed; null: no watcher is let in
  /// The stores that are here now; by the dispatch actor's thread.
  std::function<void(const control::settings&)> on_stores = [](const auto&) {};
  /// The nodes that are here now; by the same thread.
  std::function<void(const std::vector<std::shared_ptr<const control::join>>&)> on_nodes = [](const auto&) {};
  job_parts jobs;
  /// A store asks what is needed; `answer` may be called by any thread, once, or never.
  std::function<void(const std::string& node, control::need_question what,
                     std::function<void(control::need_answer)> answer)>
      on_asked = [](const auto&, const auto&, const auto&) {};
  /// What a store has and does; null: it is gone. By the dispatch actor's thread.
  std::function<void(const std::string& node, const control::store_state*)> on_store = [](const auto&,
                                                                                          const auto*) {};
};

/// Errors of its beginning, which local_system::start passes on: those of use_tls and listen_tls, corrupt and
/// newer_version (rows).
class cluster_control {
 public:
  virtual ~cluster_control() = default;
  /// For system_ports.
  virtual system_extension& extension() = 0;
  /// HOST:PORT; empty before it has begun.
  virtual std::string address() const = 0;
  virtual cluster_desk& desk() = 0;
  /// As long as this lives; null where none are taken.
  virtual job_services jobs() = 0;
  /// To all nodes, now and when they join. Any thread. False: it has not begun, or has ended.
  virtual bool set_revocations(control::revocations list) = 0;
  /// What attempts need that wait or run, or whose results are not safe yet, and what jobs need. Errors:
  /// unavailable.
  virtual void needed(reply<needed_contents> done) = 0;
};
std::unique_ptr<cluster_control> make_cluster_control(cluster_control_options options);

}  // namespace graphite
