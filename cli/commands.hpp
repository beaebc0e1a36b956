#pragma once

#include <functional>
#include <string>

#include "cli/build.hpp"
#include "cli/dev.hpp"
#include "cli/doctor.hpp"
#include "cli/gc.hpp"
#include "cli/node.hpp"
#include "cli/preview.hpp"
#include "cli/remote_service.hpp"
#include "cli/submit.hpp"
#include "cli/watch.hpp"

/// \file The parse table: each subcommand's file adds its options and says what to run.

namespace CLI {
class App;
}

namespace graphite {

struct subscribe_options;  // cli/subscribe.hpp
struct fetch_options;      // cli/fetch.hpp

/// What the heavy subcommands do; an empty one is not offered. The small program passes functions that load
/// the heavy part, the heavy part the functions themselves.
struct command_handlers {
  std::function<int(const build_options&)> build;
  std::function<int(const dev_options&)> dev;
  std::function<int(const node_options&)> node;
  std::function<int(const subscribe_options&)> subscribe;
  std::function<int(const submit_options&)> submit;
  std::function<int(const fetch_options&)> fetch;
  std::function<int(const watch_options&)> watch;
  std::function<int(const gc_options&)> gc;
  std::function<int(const preview_options&)> preview;
  std::function<int(const doctor_options&)> doctor;
};

/// What the command line chose; run after parsing, so that usage errors come before any work.
using chosen_command = std::function<int()>;

/// The options every subcommand that speaks to a project has.
struct project_options {
  std::string directory = ".";
  std::string state;
  bool json = false;
  remote_options remote;  ///< of commands that can ask another machine
};

/// -C/--directory, --state and --json with their environment variables.
void add_project_options(CLI::App& command, project_options& options);
/// The same with --at, --keys and --token, of the subcommands that only ask.
void add_asking_options(CLI::App& command, project_options& options);
/// --jobs, --scratch and --pin, of the subcommands that run actions.
void add_action_options(CLI::App& command, std::uint32_t& jobs, std::string& scratch, std::string& pin);
/// --sandbox, of the same.
void add_sandbox_option(CLI::App& command, std::string& sandbox);
/// --pin alone.
void add_pin_option(CLI::App& command, std::string& pin);
/// --keys of those who publish.
void add_publisher_keys_option(CLI::App& command, std::string& keys);
/// Ports, keys and logs of those who serve. Calling what it gives, after parsing, notes which ports were
/// given.
std::function<void()> add_serving_options(CLI::App& command, dev_options& options);
/// --log-level; `level` holds its default.
void add_log_level_option(CLI::App& command, std::string& level);
/// --json alone.
void add_json_option(CLI::App& command, bool& json);

void add_init(CLI::App& root, chosen_command& chosen);
void add_build(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_dev(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_coordinator(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_node(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_watch(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_subscribe(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_status(CLI::App& root, chosen_command& chosen);
/// cordon, drain, uncordon
void add_cluster_orders(CLI::App& root, chosen_command& chosen);
void add_why(CLI::App& root, chosen_command& chosen);
void add_submit(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_fetch(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_jobs(CLI::App& root, chosen_command& chosen);
void add_job(CLI::App& root, chosen_command& chosen);
void add_cancel(CLI::App& root, chosen_command& chosen);
void add_logs(CLI::App& root, chosen_command& chosen);
void add_trace(CLI::App& root, chosen_command& chosen);
void add_graph(CLI::App& root, chosen_command& chosen);
void add_diff(CLI::App& root, chosen_command& chosen);
void add_hold(CLI::App& root, chosen_command& chosen);
void add_release(CLI::App& root, chosen_command& chosen);
void add_rollback(CLI::App& root, chosen_command& chosen);
void add_gc(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_preview(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_doctor(CLI::App& root, chosen_command& chosen, const command_handlers& handlers);
void add_stop(CLI::App& root, chosen_command& chosen);
void add_bundle(CLI::App& root, chosen_command& chosen);
void add_audit(CLI::App& root, chosen_command& chosen);
void add_keygen(CLI::App& root, chosen_command& chosen);
void add_keys(CLI::App& root, chosen_command& chosen);
void add_transforms(CLI::App& root, chosen_command& chosen);

/// The lines of a difference between generations or bundles, and its counts.
void print_diff(console& out, const generation_diff& diff);

}  // namespace graphite
