#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/attempt_needs.hpp"
#include "core/digest.hpp"
#include "core/glob.hpp"
#include "core/sandbox.hpp"
#include "core/transform_options.hpp"
#include "core/units.hpp"

namespace graphite {

/// Where in the project file something was said, for messages. Lines and columns from 1.
struct source_location {
  std::string file;
  std::uint32_t line = 0, column = 0;
};

/// How references are found in a source's bytes.
struct reference_spec {
  enum class base { file, root };  ///< what a found text is relative to
  std::string pattern;             ///< RE2 with one group: the path. Empty where `scanner` is set
  std::string scanner;             ///< built in: scanner_names() in transforms/scanners.hpp
  base relative_to = base::file;
  std::vector<std::string> search;  ///< further folders, relative to the root, tried in order
  bool required = false;            ///< a missing target fails the asset instead of warning
  /// Of a rule that makes something: needed by whoever uses what is made, as the textures of a mesh, and not
  /// read when it is made. What a `copy` refers to always is.
  bool at_run = false;
};

/// Options of the `command` transform. Texts may hold {in} {out} {dir} {name} {stem} {ext} {depfile}
/// {tool:NAME}.
struct command_spec {
  std::vector<std::string> argv;
  /// Not empty: a process that is kept between actions and does their work (schemas/tools.capnp); `argv` is
  /// then what each is told.
  std::vector<std::string> worker;
  bool shell = false;                    ///< argv[0] is a script for /bin/sh -c
  std::vector<std::string> inputs;       ///< globs: the upper bound of what it may read beside {in}
  std::string depfile;                   ///< make syntax, relative to the scratch folder; empty: none
  std::vector<std::string> environment;  ///< names let through from the caller's environment
  std::map<std::string, std::string> set_environment;
  std::vector<std::string> tools;  ///< names in project::tools
  /// The one of `tools` that is the program of argv[0], so that what runs is what was digested; empty where
  /// that is a file of the view or named by a placeholder.
  std::string program_tool;
  milliseconds timeout{120'000};
  std::uint64_t memory_bytes_max = 4 * GiB;
};

/// One use of a built-in transform.
struct built_in_spec {
  std::string name;
  std::uint32_t version = 1;
  option_values options;            ///< all of them
  std::vector<std::string> inputs;  ///< globs: the upper bound of what it may ask for beside the main input
  std::uint32_t cost_ns_per_byte = 0;        ///< of the main input, until it is learned; 0: not known
  milliseconds timeout{60'000};              ///< of processor time
  std::uint64_t memory_bytes_max = 1 * GiB;  ///< of the worker, inputs and outputs not counted
  std::uint64_t output_bytes_max = 1 * GiB;  ///< of all outputs together
};

/// Matches sources, names a transform, its options and its references.
struct rule_spec {
  std::string name;
  std::vector<glob> match, exclude;
  std::string transform = "copy";    ///< "copy", "command" or a built-in one (transforms/registry.hpp)
  std::vector<std::string> outputs;  ///< templates of logical paths; `**` or `*` in one: known after the run
  command_spec command;
  std::optional<built_in_spec> built_in;  ///< of a built-in transform
  std::vector<reference_spec> references;
  milliseconds settle{0};
  std::shared_ptr<const rule_demand> demand;  ///< null: one processor each, as many as fit
  bool publish = true;                        ///< false: outputs are only inputs of other rules
  source_location where;

  /// False of a `copy`: it takes no action.
  bool makes() const { return transform != "copy"; }
  /// Globs of what an action of it may read beside its main input.
  const std::vector<std::string>& inputs() const { return built_in ? built_in->inputs : command.inputs; }
  /// Whether a run tells which of these it has read.
  bool tells_inputs() const { return built_in || !command.depfile.empty(); }
};

/// A program that actions use.
struct tool_spec {
  enum class kind {
    content,  ///< files of the view or machine, digested: `paths`
    machine   ///< a property of the machine: digest of what `version_argv` prints
  };
  std::string name;
  kind how = kind::content;
  std::vector<std::string> paths;         ///< absolute, or looked up in PATH where it has no `/`
  std::vector<std::string> version_argv;  ///< machine tools
  source_location where;
};

struct channel_spec {
  std::string name = "main";
  std::vector<glob> include, exclude;  ///< of assets; empty include: all
  source_location where;
};

struct watch_spec {
  milliseconds debounce{50};      ///< deletions wait this long
  milliseconds max_delay{2'000};  ///< a storm or a held index.lock closes after this at the latest
  bool coalesce_events = true;
  bool recursive = true;           ///< false: only files directly in the root are sources
  std::uint32_t storm_files = 32;  ///< more changed files than this …
  milliseconds storm_window{20};   ///< … in this time is a storm
  milliseconds quiet{50};          ///< a storm ends after this much silence
  milliseconds rescan{600'000};    ///< anti-entropy: a slow full comparison this often; zero: never
  milliseconds poll{1'000};        ///< how often a folder that cannot be watched is polled
};

/// One project file, validated. Immutable once made; shared by const pointer.
struct project {
  std::string name;
  std::string root;   ///< absolute folder of the sources
  std::string state;  ///< absolute state folder, `ROOT/.graphite` by default
  std::string trust_domain = "local";
  std::vector<glob> include, ignore;
  bool gitignore = true;
  std::vector<rule_spec> rules;  ///< the first match takes a source
  std::map<std::string, tool_spec> tools;
  std::vector<channel_spec> channels{channel_spec{}};
  watch_spec watch;
  std::uint32_t jobs = 0;                    ///< actions at once; 0: one a core
  std::uint64_t cache_bytes_max = 10 * GiB;  ///< of results that only the action cache keeps
  std::uint32_t cache_days_max = 30;         ///< an unused result is kept so long
  milliseconds publish_lag_max{2'000};
  sandbox_mode sandbox = sandbox_mode::best;  ///< of commands
  std::vector<std::string> sandbox_read;      ///< absolute: files and folders that every command is shown

  /// The rule that takes `path`, or nothing: then it is a `copy` asset.
  const rule_spec* rule_for(std::string_view path) const;
};

}  // namespace graphite
