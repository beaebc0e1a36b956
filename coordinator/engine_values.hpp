#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "coordinator/action_history.hpp"
#include "coordinator/action_key.hpp"
#include "coordinator/engine.hpp"
#include "coordinator/graph.hpp"

/// \file Private to coordinator/engine*.cpp: what an engine knows of an action, an attempt, an asset.

namespace graphite {

/// Revision numbers inside the engine; `forever` is the end of a value still valid.
using revision_number = std::uint32_t;
inline constexpr revision_number forever = 0xffffffffu;
inline constexpr std::uint16_t no_rule = 0xffffu;

enum class action_phase : std::uint8_t { clean, failed, waiting, looking, queued, running, backoff };
enum class reason_kind : std::uint8_t {
  none,
  fresh,
  content,
  appeared,
  vanished,
  references,
  outputs,
  recipe,
  retry,
  lost
};

struct action_state {
  action_phase phase = action_phase::waiting;
  bool changed = true;      ///< an input may differ from those of `built`
  bool interim = false;     ///< the outputs are usable though not final
  bool has_result = false;  ///< the outputs are those of key `built`
  bool broken = false;      ///< cycle, conflict of producers or bad template: fails without running
  bool cyclic = false;
  bool narrowed = false;  ///< a depfile said what was read: the globs' contents do not count
  bool lagging = false;   ///< the running attempt was overtaken and may end
  bool interactive = false;
  reason_kind why = reason_kind::fresh;
  artefact_index why_artefact = no_index;
  sandbox_tier sandbox = sandbox_tier::none;  ///< that the result was made in; since the start
  std::uint32_t pending = 0, loose = 0;
  std::uint32_t attempts = 0;
  group_index group = no_index;
  revision_number to = forever;    ///< last revision the outputs are known to be valid at
  revision_number changed_at = 0;  ///< last revision that touched it directly
  digest built;
  std::uint64_t signature = 0;  ///< of the inputs' contents behind `built`, for a restart
  std::uint64_t cost_ns = 0;    ///< learned
  time_point stale_since{};

  bool final() const { return phase == action_phase::clean || phase == action_phase::failed; }
  bool usable() const { return final() || interim; }
};

struct glob_group {
  std::uint16_t rule = 0;
  std::vector<std::string> texts;
  std::uint32_t pending = 0, loose = 0;
  bool listed = false;  ///< `listing` is valid
  digest listing;
  /// Members by the hash of their file name; where a depfile narrows a user.
  std::optional<std::unordered_multimap<std::uint64_t, artefact_index>> by_name;
};

/// The parts of a content that has several (attempt_output::parts); null: it is its only one.
using part_list = std::shared_ptr<const std::vector<content_ref>>;

/// One start_attempt whose finished() has not come.
struct flight {
  std::vector<attempt_input> inputs;
  digest weak;
  cache_row row;         ///< as the cache had it
  path_set found;        ///< by scanners: what counts whatever a depfile says
  std::string patterns;  ///< the globs' text, one a line, and what it was worth
  digest listing;
  revision_number from = 0, to = forever;
  time_point started{}, overtaken_at{};
  bool wanted = true;  ///< false: cancelled, or its action is gone
};

/// What a lookup waits with.
struct lookup {
  digest weak;
  cache_row row;
};

/// Times and names of the revision a change came with.
struct revision_stamp {
  revision_id revision;
  trace_id trace;
  stage_times times;
};

/// A changed asset: what the channel shows now.
struct dirty_asset {
  bool shown = false;
  bool refers = false;  ///< of what is made: its main input names, or named, what its user needs
  content_ref content;
  part_list parts;
  std::vector<artefact_index> references;  ///< of the shown record
  std::shared_ptr<const revision_stamp> stamp;
};

/// What an asset should show.
struct wanted_asset {
  enum class state { gone, ready, building, failed };
  state is = state::gone;
  content_ref content;
  part_list parts;
  std::vector<artefact_index> references;
  revision_number from = 0, to = forever;
  std::string message;
};

/// Recipe of one rule, made once.
struct rule_recipe {
  digest key;
  std::string problem;  ///< a tool without a digest: its actions fail
  std::map<std::string, std::string> environment;
  std::shared_ptr<const command_spec> command;
  std::shared_ptr<const built_in_spec> built_in;
  std::vector<key_component> components;  ///< what `key` is made of
};

}  // namespace graphite
