// The program `graphite-engine`: the commands that need actors, stores and sockets of their own. `graphite`
// becomes it where a command needs it, with the same arguments.
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/console.hpp"
#include "cli/fetch.hpp"
#include "cli/simd_choice.hpp"
#include "cli/subscribe.hpp"

int main(int argc, char** argv) {
  using namespace graphite;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (const auto simd = choose_simd_target(); !simd) return console(false).failed(simd.error());
  command_handlers handlers;
  handlers.build = run_build;
  handlers.dev = run_dev;
  handlers.node = run_node;
  handlers.submit = run_submit;
  handlers.fetch = run_fetch;
  handlers.watch = run_watch;
  handlers.subscribe = run_subscribe;
  handlers.gc = run_gc;
  handlers.preview = run_preview_command;
  handlers.doctor = run_doctor;
  return run_command_line(arguments, handlers);
}
