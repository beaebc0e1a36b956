#include "cli/project_check.hpp"

#include "cli/worker_libraries.hpp"
#include "cli/worker_program.hpp"
#include "core/cancel_token.hpp"
#include "platform/linux/process_runner.hpp"

namespace graphite {

result<void> check_project(const load_options& where) {
  GRAPHITE_TRY(const auto loaded, load_project(where));
  if (built_in_names(loaded).empty()) return {};
  linux_process_runner processes;
  const auto environment = caller_environment();
  const cancel_token never;
  GRAPHITE_CHECK(ask_libraries(processes, environment, loaded, never).get());
  return {};
}

}  // namespace graphite
