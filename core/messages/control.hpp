#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/attempt.hpp"
#include "core/attempt_key.hpp"
#include "core/attempt_needs.hpp"
#include "core/credentials.hpp"

/// \file What a node and the coordinator say to each other once both have proved who they are: the meaning of
/// schemas/control.capnp, which tells the whole exchange.

namespace graphite {

struct control_limits {
  static constexpr std::uint32_t protocol = 1;
  static constexpr std::size_t message_bytes_max = 1 * MiB;
  static constexpr std::size_t domains_max = 64;
  static constexpr std::size_t resources_max = 32;   ///< of a domain, of an attempt
  static constexpr std::size_t tools_max = 1024;     ///< of a node
  static constexpr std::size_t properties_max = 64;  ///< of a node
  static constexpr std::size_t running_max = 4096;   ///< of a node
  static constexpr std::size_t attempts_max = 1024;  ///< of a message; stops, too
  static constexpr std::size_t results_max = 1024;   ///< of a message
  static constexpr std::size_t recipes_max = 1024;   ///< that a node keeps: its numbers are below
  static constexpr std::size_t inputs_max = 8192;    ///< of an attempt, in the message
  static constexpr std::size_t outputs_max = 4096;   ///< of an attempt
  static constexpr std::size_t parts_max = 64;       ///< of an output, as in an index
  static constexpr std::uint64_t content_bytes_max = 64 * GiB;
  static constexpr std::size_t bodies_max = 4096;  ///< of a result
  static constexpr std::size_t stores_max = 256;
  static constexpr std::size_t words_max = 4096;      ///< texts of one list: argv, globs …
  static constexpr std::size_t name_bytes_max = 128;  ///< of tools, resources, properties, rules
  static constexpr std::size_t text_bytes_max = 64 * KiB;
  static constexpr std::size_t said_bytes_max = 16 * KiB;  ///< of a tool: its message, its log
  static constexpr std::size_t options_bytes_max = 64 * KiB;
  static constexpr std::size_t asked_max = 4096;  ///< contents of one question
  static constexpr std::size_t lost_max = 1024;   ///< contents that a result says are nowhere
  static constexpr std::size_t revocations_bytes_max = 896 * KiB;
};

namespace control {

struct domain_offer {
  std::uint32_t cpu_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::vector<resource_amount> resources;
  std::uint32_t credit = 0;  ///< attempts that it takes at once, waiting ones included
  std::string cpus;          ///< for people
  bool operator==(const domain_offer&) const = default;
};

struct tool_offer {
  std::string name;
  digest what;
  bool operator==(const tool_offer&) const = default;
};

struct property {
  std::string name, value;
  bool operator==(const property&) const = default;
};

enum class run_state : std::uint8_t {
  waiting,
  running,
  ended  ///< its result follows the welcome
};

/// An attempt of an earlier session of this incarnation that still runs, or whose result nobody acknowledged.
struct still_running {
  attempt_key was;
  digest key;  ///< of its task
  std::uint32_t domain = 0;
  attempt_needs needs;
  std::uint64_t rule = 0;
  duration ran{};
  std::uint64_t pool = 0;  ///< of its recipe
  run_state state = run_state::running;
  bool operator==(const still_running&) const = default;
};

struct join {
  std::uint32_t protocol = control_limits::protocol;
  incarnation_id incarnation;
  epoch_number epoch_seen;
  std::vector<domain_offer> domains;
  std::vector<still_running> running;
  std::string chunks;  ///< HOST:PORT of its chunk port; empty: none
  bool store = false;
  std::vector<tool_offer> tools;
  std::vector<property> properties;
  curve_key chunks_key = {};  ///< that its chunk port proves; zero: it speaks without keys
  bool operator==(const join&) const = default;
};

/// How an attempt ended, and the bytes of its small outputs.
struct attempt_end {
  attempt_key attempt;
  attempt_result result;  ///< its action and attempt numbers are not sent
  std::uint64_t memory_peak_bytes = 0;
  std::vector<byte_vector> bodies;  ///< contents of outputs, each at most inline_bytes_max
  attempt_times times = {};
};

struct results {
  std::uint64_t first = 1;  ///< number of the first of them, from 1 in each session
  std::vector<attempt_end> ends;
};

/// The lease, each second.
struct beat {
  std::uint64_t running = 0;
  bool operator==(const beat&) const = default;
};

struct leave {
  std::string reason;
  bool operator==(const leave&) const = default;
};

/// Of a store: which of these contents does anybody need?
struct need_question {
  std::uint64_t number = 0;  ///< comes back; a newer question of the same session replaces an older one
  std::vector<digest> contents;
  bool operator==(const need_question&) const = default;
};

/// What a store has and does, for people: each few seconds where it has changed.
struct store_state {
  std::uint64_t contents = 0, bytes = 0;
  std::uint64_t bytes_max = 0;   ///< that it may have; 0: not bounded
  std::uint64_t file_bytes = 0;  ///< that its files take
  std::uint64_t to_check =
      0;  ///< contents of which it is not known yet whether others have them as they should
  std::uint64_t copied = 0, copied_bytes = 0;    ///< to other stores that lacked them, since its start
  std::uint64_t dropped = 0, dropped_bytes = 0;  ///< by collection, since its start
  std::uint64_t damaged = 0;                     ///< found wrong and dropped, since its start
  bool full = false;                             ///< it takes nothing more
  bool operator==(const store_state&) const = default;
};

struct store_address {
  std::string chunks;  ///< HOST:PORT
  curve_key key;       ///< that it proves there
  bool operator==(const store_address&) const = default;
};

/// What holds until the next of it comes.
struct settings {
  bool draining = false;              ///< begins nothing that waits
  std::uint32_t copies = 1;           ///< stores that must have an output before its result counts
  std::vector<store_address> stores;  ///< alive ones
  duration store_away{};              ///< away for longer, and others get what a store had
  bool operator==(const settings&) const = default;
};

/// Answers a question, in its order.
struct need_answer {
  std::uint64_t number = 0;
  std::vector<bool> needed;  ///< empty: it cannot be said now
  duration age{};            ///< so long ago this was true: of what was used since it says nothing
  bool operator==(const need_answer&) const = default;
};

/// The list of revoked keys, as a root signed it.
struct revocations {
  byte_vector list;
  bool operator==(const revocations&) const = default;
};

struct welcome {
  epoch_number epoch;
  duration lease{};  ///< without a beat for so long the node is lost
  std::vector<std::optional<attempt_key>>
      running;  ///< as in join: under which name it goes on; none: stop it
  settings first;
  bool operator==(const welcome&) const = default;
};

struct refusal {
  errc code = errc::permission_denied;
  std::string text;  ///< for the node's log: what is wrong, and what to do
  bool operator==(const refusal&) const = default;
};

/// What many attempts have in common. It replaces what had its number.
struct recipe {
  std::uint32_t number = 0;
  std::string rule;
  std::uint64_t rule_number = 0;
  std::shared_ptr<const command_spec> command;
  std::shared_ptr<const built_in_spec> built_in;
  std::map<std::string, std::string> environment;
  std::vector<tool_offer> tools;  ///< that must be these
  attempt_needs needs;
  std::uint64_t pool = 0;  ///< number of its rule's limit in the whole cluster; 0: none
};

struct assignment {
  attempt_key attempt = {};
  std::uint32_t recipe = 0, domain = 0;
  digest key = {};  ///< of the task
  trace_id trace = {};
  logical_path main_input;
  std::vector<attempt_input> inputs = {};  ///< ascending by path; all are contents of stores
  std::vector<byte_vector> bodies = {};    ///< of inputs that are small and new, in any order
  std::vector<output_name> outputs = {};
};

struct stop {
  attempt_key attempt;
  bool if_waiting = false;  ///< only where it has not begun
  bool operator==(const stop&) const = default;
};

struct work {
  std::vector<recipe> recipes;  ///< read before the assignments
  std::vector<assignment> assignments;
  std::vector<stop> stops;
  std::uint64_t acknowledged = 0;  ///< results up to this number are safe
};

}  // namespace control

using to_coordinator = std::variant<control::join, control::results, control::beat, control::leave,
                                    control::need_question, control::store_state>;
using to_node = std::variant<control::welcome, control::refusal, control::work, control::settings,
                             control::need_answer, control::revocations>;

}  // namespace graphite
