#include "cli/log_setup.hpp"

#include "platform/log/stderr_log.hpp"

namespace graphite {

std::unique_ptr<log_sink> make_log(const std::string& level, bool json) {
  return make_stderr_log({log_level_from(level).value_or(log_level::info), json, 2});
}

}  // namespace graphite
