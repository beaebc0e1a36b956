// The program `graphite`: everything that needs no actors, stores or sockets of its own. What does, becomes
// `graphite-engine` with the same arguments.
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/engine_program.hpp"
#include "cli/fetch.hpp"
#include "cli/simd_choice.hpp"

int main(int argc, char** argv) {
  using namespace graphite;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (const auto simd = choose_simd_target(); !simd) return console(false).failed(simd.error());
  command_handlers handlers;
#ifdef GRAPHITE_HAS_ENGINE
  handlers.build = [&](const build_options& options) {
    if (const auto code = build_attached(options)) return *code;
    return console(options.json).failed(become_engine(arguments));
  };
  handlers.gc = [&](const gc_options& options) {
    if (const auto code = gc_attached(options)) return *code;
    return console(options.json).failed(become_engine(arguments));
  };
  handlers.dev = [&](const dev_options& options) {
    return console(options.json).failed(become_engine(arguments));
  };
  handlers.node = [&](const node_options& options) {
    return console(options.json).failed(become_engine(arguments));
  };
  handlers.submit = [&](const submit_options& options) {
    return console(options.json).failed(become_engine(arguments));
  };
  handlers.fetch = [&](const fetch_options& options) {
    return console(options.project.json).failed(become_engine(arguments));
  };
  handlers.watch = [&](const watch_options& options) {
    return console(options.json).failed(become_engine(arguments));
  };
  handlers.preview = [&](const preview_options& options) {
    return console(options.json).failed(become_engine(arguments));
  };
  handlers.doctor = [&](const doctor_options& options) {
    return console(options.json).failed(become_engine(arguments));
  };
#ifdef GRAPHITE_HAS_SUBSCRIBE
  handlers.subscribe = [&](const subscribe_options&) {
    return console(false).failed(become_engine(arguments));
  };
#endif
#endif
  return run_command_line(arguments, handlers);
}
