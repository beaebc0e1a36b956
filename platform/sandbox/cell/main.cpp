#include <sys/wait.h>
#include <unistd.h>

#include <string_view>

#include "platform/sandbox/cell/cell.hpp"

int main(int count, char** arguments) {
  using namespace graphite::cell;
  // What a trial of the sandbox runs.
  if (count == 2 && std::string_view(arguments[1]) == "nothing") return 0;
  const auto what = read_arguments(count, arguments);
  switch (what.how) {
    case mode::namespaces:
      run_in_namespaces(what);
    case mode::landlock:
      limit_processes(what);
      enter_landlock(what);
      drop_capabilities(what);
      become_tool(what);
    case mode::inner: {
      const int status = run_as_first(what);
      ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
    case mode::limits:
      limit_processes(what);
      become_tool(what);
  }
  ::_exit(2);
}
