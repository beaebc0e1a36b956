#pragma once

#include <memory>

#include "actors/system.hpp"
#include "cli/served_ports.hpp"
#include "cli/session_cluster.hpp"
#include "core/affinity.hpp"
#include "core/ports/transport.hpp"
#include "core/project.hpp"

namespace graphite {

class audit_sink;
class session_keys;

struct session_options {
  std::string directory = ".";  ///< the project's folder or one below it
  std::string state;            ///< empty: the project's own
  std::string keys;             ///< folder of the publisher's keys; empty: nothing is signed
  std::uint32_t jobs = 0;       ///< 0: what the project says, or as the machine has it
  pin_mode pin = pin_mode::automatic;
  bool scratch_in_memory = true;  ///< of small attempts, where that is possible
  std::string sandbox = {};       ///< "off", "best", "required"; empty: what the project says
  bool watch = false;
  bool serve = false;  ///< heads and chunks
  bool all_or_nothing = false;
  bool keep_going = true;
  bool dry = false;            ///< plan and ask the cache, run nothing
  bool on_demand = false;      ///< with `watch`: plans all the time, builds while somebody waits for a build
  served_ports_options ports;  ///< with `serve`
  make_session_cluster cluster = {};           ///< runs the attempts; empty: this machine does
  std::uint32_t cluster_attempts_max = 4'096;  ///< that it has at once
  std::function<void(std::size_t done, std::size_t all, const std::string& path)> on_ingest =
      [](auto, auto, const auto&) {};
  std::function<void(const diagnostic_line&)> on_diagnostic = [](const auto&) {};
  std::function<void(const head&, const asset_changes&, const stage_times&)> on_generation =
      [](const auto&, const auto&, const auto&) {};
  std::function<void(const engine_commands::idle&, const engine_status&)> on_idle = [](const auto&,
                                                                                       const auto&) {};
  /// The project file or a tool is not what the session was made from. Called once for each such state, from
  /// any thread; answered by opening another session, or by go_on().
  std::function<void()> on_outdated = [] {};
  /// Actions done and known so far, and one that runs.
  std::function<void(std::size_t done, std::size_t all, const std::string& now)> on_running =
      [](auto, auto, const auto&) {};
  /// Steps of a collection that was asked for, done and known so far, and what is looked at.
  std::function<void(std::uint64_t done, std::uint64_t all, const std::string& what)> on_collection =
      [](auto, auto, const auto&) {};
  /// Something could not be synced for another reason than space, so that nothing written from then on could
  /// be trusted: nothing more is written. Called once, from any thread. Empty: ends the process.
  std::function<void(const error&)> on_failed_sync = {};
};

/// One project's state folder, opened, with its actors running: what `build` and `dev` share.
///
/// Owns every adapter and thread. The state folder's lock is held while it lives.
class local_session {
 public:
  /// Errors: invalid_argument (the project file's mistakes, rendered), not_found, already_exists (another
  /// process holds the state; the context says which), unsupported (the program that runs built-in transforms
  /// is not there or is another), newer_version, corrupt, io.
  static result<std::unique_ptr<local_session>> open(const session_options& options, log_sink& log);
  /// The state alone: nothing is looked at, built or served, and of the facade only gc() may be called. Of
  /// the options only `directory`, `state` and `on_collection` count. Errors: as above.
  static result<std::unique_ptr<local_session>> open_idle(const session_options& options, log_sink& log);
  ~local_session();
  local_session(const local_session&) = delete;
  local_session& operator=(const local_session&) = delete;

  service_facade& facade();
  local_system& system();
  const project& config() const;
  session_keys* keys();  ///< null: nothing is signed
  audit_sink* audit();   ///< null: nothing is served or signed
  /// HOST:PORT, empty where nothing is served.
  std::string heads_address() const;
  std::string chunks_address() const;
  /// Of the control port; empty where attempts run here.
  std::string control_address() const;
  cluster_desk* cluster();  ///< null where attempts run here
  /// Null where no jobs are taken: attempts run here.
  job_services jobs();
  std::size_t subscribers() const;
  /// Of the cluster that attempts run on, if any.
  std::vector<store_report> stores() const;
  /// Absolute folder of the first channel's bundle.
  std::string bundle() const;
  /// After a build: see cli/loss_repair.hpp. `dev` does it by itself.
  result<void> repair_losses();
  /// After a build, where segments have grown as much as cli/collector.hpp says: frees dead ones and waits
  /// for it. `dev` does it by itself. Reports errors to the log: the next build tries again.
  void collect_if_due();
  /// Ends what runs, for good: for an owner who will not wait for it when he ends the session next.
  void cancel_attempts();
  /// After on_outdated: the session stays as it is.
  void go_on();
  /// CPU time of all actions that ran so far.
  duration action_cpu() const;

 private:
  struct parts;
  explicit local_session(std::unique_ptr<parts> parts);
  std::unique_ptr<parts> parts_;
};

}  // namespace graphite
