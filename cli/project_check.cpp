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
  GRAPHITE_CHECK(libraries_for(loaded, processes, caller_environment(), cancel_token()));
  return {};
}

}  // namespace graphite
