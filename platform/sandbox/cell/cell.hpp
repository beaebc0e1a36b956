#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

/// \file The program graphite-sandbox: shuts itself in and becomes the tool.
///
/// Its options are bubblewrap's, as far as it has them, so that one list of arguments drives either. It is
/// linked statically and starts in a third of a millisecond; it allocates little, throws nothing, and has no
/// library but libc. What is wrong is told through the status descriptor, which the tool never has.

namespace graphite::cell {

enum class mode {
  namespaces,  ///< makes all namespaces, mounts the view, is the parent of the tool
  inner,     ///< the first process of namespaces that bubblewrap has made: limits, filter, parent of the tool
  landlock,  ///< a domain that names the same view, limits and filter
  limits     ///< limits only
};

/// One part of what the tool sees.
struct part {
  enum class kind { read, write, device, memory, folder, link, processes };
  kind what = kind::read;
  const char* from = nullptr;  ///< of `memory`: unused; of `link`: its text
  const char* to = nullptr;    ///< absolute, as the tool sees it
};

struct request {
  mode how = mode::limits;
  std::vector<part> parts;             ///< in the order in which they are made
  const char* folder = nullptr;        ///< working folder
  const char* memory_bytes = nullptr;  ///< of each `memory` part, a number as tmpfs takes it
  std::uint64_t processes = 0;         ///< zero: no limit
  int filter = -1;                     ///< descriptor of the system call filter's program
  int environment = -1;  ///< file with the tool's variables, a NUL after each; -1: this process's own
  int status = -1;       ///< where failures are told
  int reads = -1;        ///< socket for the descriptor that hears of opened paths; `filter` then notifies
  const char* program = nullptr;     ///< absolute
  char* const* arguments = nullptr;  ///< the tool's, its name included
};

/// Reads the program's arguments; ends the process where they are wrong.
request read_arguments(int count, char** arguments);

/// How a failure is told: one letter, the errno as four bytes, and text. `S`: the sandbox could not be made.
/// `X`: the tool could not be started. `P`: the number of the first process, for whoever waits for its end.
void tell(int status, char letter, int number, std::string_view text);
/// Tells that the sandbox could not be made, by the last errno, and ends the process.
[[noreturn]] void give_up(const request& of, std::string_view what);

/// Makes the namespaces, starts the tool in them, and ends as it ends.
[[noreturn]] void run_in_namespaces(const request& what);

/// Takes from this process all that is not in the parts: Landlock. Not what it has open.
void enter_landlock(const request& what);

/// As the first process of a namespace: starts the tool, waits for it and for whatever else ends, and gives
/// its status as waitpid() does. Nobody inside can look into this process or change it.
int run_as_first(const request& what);

void limit_processes(const request& what);
/// Takes the capabilities, for good, also from programs that are started.
void drop_capabilities(const request& what);
/// No rights by setuid, the filter of system calls; then becomes the tool.
[[noreturn]] void become_tool(const request& what);

}  // namespace graphite::cell
