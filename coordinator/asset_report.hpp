#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/content.hpp"
#include "core/ports/file_reader.hpp"

namespace graphite {

/// Answer to "what is this, and is it up to date?" of one source or asset.
struct asset_report {
  static constexpr std::size_t dependencies_max = 65'536;

  std::string path;
  std::string kind;  ///< "source", "copy", "generated", "missing"
  std::string rule;  ///< that makes it, or takes it where it is only a source; empty: none
  content_ref content;
  std::string source;        ///< the file behind it: its own, or the one that the rules made it from
  stat_signature signature;  ///< of `source`
  std::vector<std::string> dependencies;  ///< what it is directly made of or refers to, ascending
  std::uint64_t dependencies_left_out = 0;
  bool stale = false;   ///< a build would run something for it, or show it differently
  bool failed = false;  ///< it, or what is made of it, failed when it was last tried
  bool broken = false;  ///< it cannot even be tried: a cycle, two producers, a bad template
  std::string state;    ///< "up to date", "running", "failed", "held back: …" …
  std::string message;  ///< of the failure
};

/// One thing that a build would do.
struct stale_task {
  std::string path;    ///< what a rule is applied to; of copies and what only has to be shown, the asset
  std::string rule;    ///< empty: a copy
  std::string reason;  ///< for people: "changed: a.h"
  bool failed = false;
};

/// Everything that a build would do, what it needs before it.
struct stale_list {
  static constexpr std::size_t tasks_max = 65'536;

  std::vector<stale_task> tasks;
  std::uint64_t left_out = 0;  ///< did not fit
};

}  // namespace graphite
