#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/build_types.hpp"
#include "core/error.hpp"
#include "core/ports/hasher.hpp"
#include "core/project.hpp"

namespace graphite {

/// What decides an action's result beside its inputs. Pure values; the encoding is canonical: each field
/// carries a tag and its length, maps are in order of their keys.
struct action_recipe {
  std::string transform = "command";
  std::uint32_t transform_version = 1;
  std::vector<std::string> argv, worker;
  bool shell = false;
  std::map<std::string, std::string> options;     ///< of a built-in transform, as they are written
  std::map<std::string, std::string> built_with;  ///< libraries of a built-in transform, with their builds
  std::string depfile;
  std::map<std::string, std::string> environment;  ///< what the action sees, allow-list applied
  std::map<std::string, digest> tools;
  std::string platform;
  std::string trust_domain;
  std::vector<std::string> outputs;  ///< templates
  std::uint64_t timeout_ms = 0, memory_bytes_max = 0;
};

/// SHA-256 of the recipe: the part of weak keys that all actions of a rule share.
digest recipe_key(const hasher& hash, const action_recipe& recipe);

struct named_input {
  std::string path;
  content_ref content;
};

/// SHA-256 of the recipe key, the exactly named inputs (in this order) and the text of the expanded globs.
digest weak_key(const hasher& hash, const digest& recipe, const std::vector<named_input>& exact,
                const std::vector<std::string>& globs);

/// One thing a result was found to depend on.
struct path_set_entry {
  enum class kind : std::uint8_t {
    path = 0,  ///< a file, there or not
    glob = 1,  ///< everything that matches the patterns in `text` (one a line)
    /// Which of the matches have the file name of a path of the same set: a new one may take the place of
    /// what a depfile says was read, as the header of an earlier folder does.
    names = 2
  };
  kind what = kind::path;
  std::string text;
  auto operator<=>(const path_set_entry&) const = default;
};
using path_set = std::vector<path_set_entry>;  ///< ascending

/// SHA-256 of the weak key and, for each entry, its digest; the zero digest stands for "not there".
/// `values` has one digest an entry.
digest strong_key(const hasher& hash, const digest& weak, const path_set& set,
                  const std::vector<digest>& values);

/// What one entry of kind glob is worth: SHA-256 of its matches (ascending by path) and their contents.
digest listing_digest(const hasher& hash, const std::vector<named_input>& matches);

/// What one entry of kind names is worth: SHA-256 of these paths.
digest names_digest(const hasher& hash, const std::set<std::string>& paths);

/// A finished action's result under one strong key.
struct cached_result {
  path_set set;
  digest strong;
  std::vector<attempt_output> outputs;  ///< ascending by path
  std::uint64_t wall_ns = 0, cpu_ns = 0;
  std::string provenance;          ///< key components as lines "name = value", ≤ provenance_bytes_max
  std::uint64_t used_unix_ms = 0;  ///< when it was made or, to the hour, used last; 0: not known
  sandbox_tier sandbox = sandbox_tier::none;  ///< that its command ran in
};

/// Whether `test` holds for every content that the outputs have in a store.
template <class Test>
bool every_content(const cached_result& one, Test test) {
  return std::ranges::all_of(
      one.outputs, [&](const attempt_output& output) { return std::ranges::all_of(output.stored(), test); });
}

/// The row of table::action_cache under a weak key: results by path set, most recently used first.
struct cache_row {
  static constexpr std::size_t results_max = 8;
  static constexpr std::size_t entries_max = 65'536;
  static constexpr std::size_t outputs_max = 65'536;
  static constexpr std::size_t provenance_bytes_max = 2'048;
  static constexpr std::size_t bytes_max = 16 * MiB;
  static constexpr std::uint64_t use_step_ms = 3'600'000;

  std::vector<cached_result> results;

  /// Puts `what` first, replacing one of the same strong key; the least recently used goes beyond
  /// results_max.
  void add(cached_result what);
  /// The result of `strong` is used: it comes first, stamped. False, and nothing changed, where it is first
  /// already and its stamp less than use_step_ms old: then the row need not be written again.
  bool use(const digest& strong, std::uint64_t unix_ms);
};

std::string encode(const cache_row& row);
/// Rows of version 1 have no `used_unix_ms`, those of version 2 no parts, those of version 3 no sandbox.
/// Errors: corrupt (anything but what encode() writes or wrote), newer_version.
result<cache_row> decode_cache_row(std::string_view bytes);

/// Key of the row in table::action_cache: the 32 bytes.
std::string cache_row_key(const digest& weak);

}  // namespace graphite
