#pragma once

#include <compare>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/attempt_needs.hpp"
#include "core/content.hpp"
#include "core/ids.hpp"
#include "core/logical_path.hpp"
#include "core/path_template.hpp"
#include "core/project.hpp"
#include "core/sandbox.hpp"
#include "core/units.hpp"

/// \file What the schedule hands to a node and what comes back.

namespace graphite {

/// One file an attempt may read.
struct attempt_input {
  logical_path path;
  content_ref content;
  bool generated = false;               ///< in the chunk store; otherwise a file of the view
  std::vector<content_ref> parts = {};  ///< as in attempt_output
};

/// One execution of an action on one node: everything the node needs.
struct attempt_spec {
  action_id action;
  attempt_number attempt;
  epoch_number epoch;
  trace_id trace;
  std::string rule;  ///< name, for people
  logical_path main_input;
  std::vector<attempt_input> inputs;              ///< all it may read, main input included, ascending by path
  std::vector<output_name> outputs;               ///< of the rule, for this source
  std::shared_ptr<const command_spec> command;    ///< of the `command` transform
  std::shared_ptr<const built_in_spec> built_in;  ///< of a built-in one
  /// The whole of it, as it entered the key (core/command_environment.hpp).
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> tools;  ///< NAME of {tool:NAME} to the program's absolute path
  digest weak_key;
  std::shared_ptr<const rule_demand> demand = {};  ///< of a cluster; null: one processor
  std::vector<std::string> tool_files = {};        ///< absolute: all files of the command's tools
  std::string cause = {};                          ///< why it runs, for people: "changed: a/b.png"
};

/// The contents that lie in a store: the parts, or the only one.
inline std::span<const content_ref> stored_contents(const content_ref& content,
                                                    const std::vector<content_ref>& parts) {
  return parts.empty() ? std::span(&content, 1) : std::span(parts);
}

/// An output's bytes: in the chunk store, durable.
struct attempt_output {
  logical_path path;
  content_ref content;                  ///< of several parts it names all of them (bundle/part_list.hpp)
  std::vector<content_ref> parts = {};  ///< of one that has several; its bytes are theirs, in this order
  /// What the store has of it.
  std::span<const content_ref> stored() const { return stored_contents(content, parts); }
  auto operator<=>(const attempt_output&) const = default;
};

enum class attempt_status {
  succeeded,
  failed,       ///< the tool said no: a result for this key's user to see, retried on the next event
  stale_input,  ///< an input's bytes were no longer those of the spec
  cancelled,
  refused,    ///< our side failed (disk full …): retried later
  lost_input  ///< the bytes of an input are nowhere to be had: attempt_result::lost says of which
};

/// Where the time of one attempt went, by the steady clock of whoever ran it. Zero: none, or not known.
struct attempt_times {
  duration waited{};  ///< until it began, where it was to run
  duration fetch{};   ///< its inputs
  duration run{};     ///< with all that it is prepared by, and its outputs read
  duration store{};   ///< until its outputs were durable
  bool operator==(const attempt_times&) const = default;
};

/// What is known of how an attempt's result came to be; for traces.
struct attempt_story {
  std::string node;  ///< empty: this machine
  std::uint32_t domain = 0;
  std::uint32_t tries = 1;     ///< the result is of this one
  std::string cause = {};      ///< why it was tried again, or twice
  time_point given{}, back{};  ///< to who ran it, and from there, by the clock of who asked for it
  attempt_times times = {};
};

/// How one attempt ended. Failures are results, too: an attempt always has one.
struct attempt_result {
  action_id action;
  attempt_number attempt;
  attempt_status status = attempt_status::failed;
  std::vector<attempt_output> outputs;                  ///< ascending by path
  std::optional<std::vector<logical_path>> discovered;  ///< from the depfile, ascending; absent: no depfile
  std::string message;                                  ///< of a failure: what the tool said, ≤ 16 KiB
  std::string log;                                      ///< tail of both streams, ≤ 16 KiB
  duration wall{}, cpu{};
  sandbox_tier sandbox = sandbox_tier::none;        ///< that a command ran in
  std::vector<digest> lost = {};                    ///< of lost_input: contents of inputs
  std::shared_ptr<const attempt_story> story = {};  ///< null: nobody ran it, it was found
};

}  // namespace graphite
