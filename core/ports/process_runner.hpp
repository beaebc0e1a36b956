#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/messages/tools.hpp"
#include "core/sandbox.hpp"
#include "core/units.hpp"

namespace graphite {

/// One child process to run to its end.
struct process_spec {
  std::vector<std::string> argv;  ///< argv[0] is looked up in the spec's PATH
  /// Not empty: what is started, and stays; `argv` is then the work it is given (schemas/tools.capnp), with
  /// the folder for its temporary files and all files that lie in the working folder.
  std::vector<std::string> worker;
  std::string temporary_folder;       ///< absolute; in a sandbox its /tmp, too
  std::vector<tool_input> inputs;     ///< below the working folder; in a sandbox not to be written
  std::vector<std::string> readable;  ///< absolute: files that it is shown in a sandbox beside the system's
  bool tells_reads = false;           ///< in a sandbox: the outcome says which paths it asked for
  std::map<std::string, std::string> environment;  ///< the whole of it
  std::string working_folder;                      ///< absolute
  duration timeout{};                              ///< zero: none
  std::uint64_t memory_bytes_max = 0;              ///< zero: none
  std::uint64_t file_bytes_max = 0;                ///< of any file it writes; zero: none
  std::size_t output_bytes_max = 64 * KiB;         ///< of each stream, the tail is kept
  int nice = 10;
};

struct process_outcome {
  int exit_code = -1;  ///< -1 where a signal ended it
  int signal = 0;
  bool timed_out = false;
  bool cancelled = false;
  bool unanswered = false;      ///< of a kept tool: it ended, or went wrong, without an answer
  bool file_too_large = false;  ///< by its exit: a file went beyond file_bytes_max, and that ended it
  std::string over_limit;  ///< of a sandbox: what it used too much of, and was killed for; empty: nothing
  sandbox_tier sandbox = sandbox_tier::none;  ///< that it ran in
  std::vector<std::string> hidden;            ///< of `reads`: what is there, outside of what it is shown
  std::vector<std::string> reads;             ///< where asked for: paths as it named them, made absolute
  std::string out, err;
  duration wall{}, cpu{};
  std::uint64_t memory_bytes_peak = 0;
};

/// Set by another thread to end a run early.
class cancel_token;

/// Runs processes in groups of their own and leaves none behind. Thread-safe.
class process_runner {
 public:
  virtual ~process_runner() = default;
  /// Blocks until the process and its group are gone. Errors: not_found (no such program), io.
  virtual result<process_outcome> run(const process_spec& spec, const cancel_token& cancel) = 0;
};

}  // namespace graphite
