#pragma once

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>
#include "actors/live_filter.hpp"
#include "cli/archive_adapter.hpp"
#include "cli/collector.hpp"
#include "cli/config/project_file.hpp"
#include "cli/domain_workers.hpp"
#include "cli/local_session.hpp"
#include "cli/loss_repair.hpp"
#include "cli/scanner_set.hpp"
#include "cli/session_audit.hpp"
#include "cli/session_inputs.hpp"
#include "cli/session_keys.hpp"
#include "cli/session_machine.hpp"
#include "cli/session_sandbox.hpp"
#include "cli/tree_surveyor.hpp"
#include "cli/worker_libraries.hpp"
#include "cli/worker_program.hpp"
#include "node/attempt.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/clock.hpp"
#include "platform/linux/cpu_set.hpp"
#include "platform/linux/fresh_threads.hpp"
#include "platform/linux/inotify_watcher.hpp"
#include "platform/linux/memory_scratch.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/linux/process_runner.hpp"
#include "platform/linux/scratch_space.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/linux/tool_resolver.hpp"
#include "platform/linux/tool_workers.hpp"
#include "platform/rocksdb/rocks_store.hpp"
#include "platform/store/segment_store.hpp"
#include "schemas/codec/tool_messages.hpp"
#include "transforms/command.hpp"

namespace graphite {

struct local_session::parts {
  parts(log_sink& l, std::function<void(const error&)> tell) : log(l), on_failed_sync(std::move(tell)) {}

  log_sink& log;
  std::shared_ptr<const project> config;
  std::string project_file;  ///< absolute
  openssl_hasher hash;
  system_clock_source clock;
  system_random_source random;
  std::map<std::string, std::string> environment = caller_environment();
  command_transform transform;
  scanner_set scanners;
  std::atomic<std::int64_t> action_cpu_ns = 0;
  cancel_token ending;            ///< of all attempts
  std::uint64_t losses_seen = 0;  ///< by the graph actor
  std::function<void(std::uint64_t, std::uint64_t, const std::string&)> gc_progress = [](auto, auto,
                                                                                         const auto&) {};
  std::function<void(const error&)> on_failed_sync;
  std::atomic<bool> sync_failed = false;
  std::atomic<rocks_store*> refuse_rows = nullptr;  ///< `rows`, once it is open

  std::unique_ptr<linux_process_runner> processes;  // first: its warden is forked while the process is small
  std::unique_ptr<session_inputs> inputs;
  std::unique_ptr<rocks_store> rows;
  std::unique_ptr<segment_store> contents;
  std::unique_ptr<posix_file_reader> files;
  std::unique_ptr<live_filter> filter;
  std::unique_ptr<tree_surveyor> surveyor;
  std::unique_ptr<ingester> ingest;
  std::unique_ptr<scratch_space> scratch;
  std::future<result<transform_libraries>> asked_libraries;
  transform_libraries worker_libraries;      ///< that keys are made from
  std::unique_ptr<session_machine> machine;  ///< its threads end before all else
  std::unique_ptr<session_sandbox> sandbox;
  std::unique_ptr<tool_workers> tools;
  std::unique_ptr<domain_workers> workers;
  std::unique_ptr<attempt_runner> runner;
  std::unique_ptr<session_keys> keys;  ///< null: nothing is signed
  std::unique_ptr<audit_sink> audit;   ///< null: nothing is served or signed
  std::map<std::string, std::unique_ptr<kept_archive>> archives;
  std::unique_ptr<published_state> published;
  std::unique_ptr<inotify_watcher> events;
  std::unique_ptr<inotify_watcher> project_events;  ///< of the project file, where it is outside the root
  std::unique_ptr<served_ports> ports;
  std::unique_ptr<session_cluster> cluster;  ///< null: attempts run here
  std::unique_ptr<collector> garbage;        // the actors report to it; its thread is stopped before they end
  std::unique_ptr<local_system> system;      // last: everything above outlives it

  ~parts() {
    ending.cancel();
    if (keys) keys->stop();
    if (project_events) project_events->stop();
    if (events) events->stop();
    if (garbage) garbage->stop();
    if (cluster) cluster->stop();
    if (machine) machine->pool().stop();
  }

  std::function<void(const error&)> failed_sync();
  result<void> open_state();
  result<void> open_sources(const session_options& options);
  result<void> open_builder(const session_options& options);
  result<void> open_scratch(bool in_memory);
  result<void> open_ports(const session_options& options);
  result<void> open_cluster(const session_options& options);
  result<void> keys_changed();
  chunk_service_sources chunk_sources();
  result<engine_options> engine_for(const session_options& options);
  watcher_hooks watching(const session_options& options);
  system_ports ports_for(const session_options& options);
  attempt_result run(const attempt_spec& spec, const cancel_token& cancel);
  attempt_result outdated(const attempt_spec& spec);
  result<void> open_project(const session_options& options);
  result<void> open_audit(const session_options& options);
  const head_signer* signer() const { return keys ? &keys->signer() : nullptr; }
  std::unique_ptr<tool_resolver> make_resolver(const std::string& root);
  void watch_project_file();
  std::unique_ptr<collector> make_collector();
  std::vector<kept_archive*> folders() const;
};

}  // namespace graphite
