#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/log.hpp"
#include "core/ports/tool_resolver.hpp"
#include "core/project.hpp"

namespace graphite {

/// What a session is made from beside its sources: the project file and the tools that its rules name. Keys
/// are computed once, from the tools as they were found; this says whether they still are what they were.
///
/// Thread-safe once find_tools() is done. Each question looks at the files: microseconds where their stat
/// signatures are those of the last look.
class session_inputs {
 public:
  /// Takes the project file (absolute) as it is now: make this before the file is loaded. `on_outdated` is
  /// called once for each state in which outdated() is true, from whatever thread asked.
  session_inputs(std::string project_file, std::unique_ptr<tool_resolver> files,
                 std::function<void()> on_outdated);

  /// Finds the tools of `config`. One that is not found is told to `log`; its actions fail.
  void find_tools(const project& config, std::unique_ptr<tool_resolver> resolver, log_sink& log);
  const std::map<std::string, digest>& digests() const { return digests_; }
  const std::map<std::string, std::string>& programs() const { return programs_; }

  /// The files behind some tools, by which two moments are compared.
  class tool_files {
   public:
    bool operator==(const tool_files& other) const;
    std::vector<std::string> paths() const;  ///< absolute

   private:
    friend class session_inputs;
    std::vector<resolved_tool::file> files_;
  };
  /// Those of the tools `names` now; nothing where one of these tools is not what was found.
  std::optional<tool_files> as_found(const std::vector<std::string>& names);

  /// Where the files lie that are at or below the project's root, relative to it.
  const std::set<std::string, std::less<>>& below_root() const { return below_root_; }

  /// Whether anything of it has changed: the session's keys are those of the past.
  bool outdated();
  /// The session goes on although it is outdated: what is there now cannot be used.
  void go_on();

 private:
  using state = std::vector<std::optional<digest>>;
  state look();

  const std::unique_ptr<tool_resolver> files_;
  const std::function<void()> on_outdated_;
  tool_spec project_file_;
  std::vector<tool_spec> tools_;
  std::unique_ptr<tool_resolver> resolver_;
  std::map<std::string, digest> digests_;
  std::map<std::string, std::string> programs_;
  std::set<std::string, std::less<>> below_root_;

  std::mutex mutex_;
  state known_;  ///< what the session was made from, or goes on in spite of
  state told_;   ///< on_outdated was last called for it
};

}  // namespace graphite
