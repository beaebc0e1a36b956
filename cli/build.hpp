#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/facade.hpp"
#include "cli/console.hpp"
#include "cli/remote_service.hpp"
#include "core/error.hpp"

namespace graphite {

/// What `graphite build` was asked for; the options of docs/cli.md.
struct build_options {
  std::string directory = ".";  ///< -C: the project's folder or one below it
  std::string state;            ///< --state: empty, the project's own
  /// --keys: folder of the publisher's keys; empty: nothing is signed. With `coordinator`, of the client's.
  std::string keys;
  remote_options remote;        ///< --at: build there; its keys are those of --keys
  std::string git_revision;     ///< --rev: build this commit's tree instead of the working tree; empty: no
  std::string coordinator;      ///< --coordinator HOST[:PORT]: build there; empty: here
  bool local_fallback = false;  ///< --local-fallback: here, where nobody is there
  std::string into;             ///< with --coordinator: where what was made comes; empty: it stays there
  bool keep_going = false;
  bool dry_run = false;
  bool json = false;
  std::uint32_t jobs = 0;          ///< 0: what the project says
  std::string scratch = "memory";  ///< "disk": no scratch folders on a tmpfs
  std::string pin = "auto";        ///< see core/affinity.hpp
  std::string sandbox;             ///< "off", "best", "required"; empty: what the project says
  std::string log_level = "warning";
};

/// Builds in this process (nobody serves the state folder). Ends with print_build(). Returns the exit code.
int run_build(const build_options& options);

/// Builds by asking the service of the state folder. Nothing where nobody serves it; otherwise the exit code.
std::optional<int> build_attached(const build_options& options);

/// Shows how a build ended, to people.
void print_summary(console& out, const build_summary& summary, bool dry_run);
/// The same, and the last object of --json; gives the exit code.
int print_build(console& out, const build_summary& summary, bool dry_run);

}  // namespace graphite
