#include "cli/session_sandbox.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "cli/worker_program.hpp"
#include "platform/linux/program_lookup.hpp"

namespace graphite {

namespace {

constexpr const char* bubblewrap_path = "/usr/bin:/bin:/usr/local/bin";

}  // namespace

session_sandbox::session_sandbox(linux_process_runner& with, session_sandbox_options options, log_sink& log)
    : with_(with), options_(std::move(options)), log_(log) {}

session_sandbox::~session_sandbox() = default;

result<sandbox_choice> session_sandbox::choose() {
  const std::lock_guard lock(mutex_);
  if (!chosen_) chosen_ = std::make_unique<result<sandbox_choice>>(try_all());
  return *chosen_;
}

result<sandbox_choice> session_sandbox::try_all() {
  std::vector<sandbox_offer> offers;
  if (options_.mode != sandbox_mode::off) {
    std::error_code code;
    std::filesystem::create_directories(options_.scratch, code);
    for (const auto tier : sandbox_tiers) {
      offers.push_back({tier, try_sandbox(with_, tier, options_.how, options_.scratch)});
      if (offers.back().refused.empty()) break;
    }
  }
  std::error_code code;
  std::filesystem::remove(options_.scratch, code);  // only where it is empty
  GRAPHITE_TRY(auto out, choose_sandbox(options_.mode, offers));
  if (out.tier != sandbox_tier::none) {
    GRAPHITE_TRY(runner_, sandboxed_runner::make(with_, out.tier, options_.how));
  }
  if (options_.mode == sandbox_mode::best && !has_namespaces(out.tier))
    log_.warn("commands are shut in by no more than '{}': {} (docs/sandbox.md says what that does not stop)",
              to_string(out.tier), out.reason);
  return out;
}

machine_status session_sandbox::told(machine_status so_far) {
  const auto how = choose();
  so_far.sandbox_mode = to_string(options_.mode);
  so_far.sandbox = to_string(how ? how->tier : sandbox_tier::none);
  so_far.sandbox_reason = how ? how->reason : how.error().context;
  return so_far;
}

result<std::unique_ptr<session_sandbox>> open_session_sandbox(linux_process_runner& with,
                                                              const project& config, const std::string& mode,
                                                              log_sink& log) {
  session_sandbox_options how;
  how.mode = config.sandbox;
  if (!mode.empty()) {
    GRAPHITE_TRY(how.mode, parse_sandbox_mode(mode));
  }
  how.how = sandbox_options_for(config.root, config.state, config.sandbox_read);
  how.scratch = config.state + "/sandbox-trial";
  const bool required = how.mode == sandbox_mode::required;
  auto out = std::make_unique<session_sandbox>(with, std::move(how), log);
  if (!required) return out;
  for (const auto& rule : config.rules)
    if (!rule.command.worker.empty())
      return fail(
          errc::unsupported,
          fmt::format("sandbox = \"required\", but rule '{}' keeps its tool warm (worker), which nothing "
                      "shuts in: take 'worker' away, or write sandbox = \"best\"",
                      rule.name));
  GRAPHITE_CHECK(out->choose());
  return out;
}

result<process_outcome> session_sandbox::run(const process_spec& spec, const cancel_token& cancel) {
  GRAPHITE_TRY(const auto how, choose());
  return how.tier == sandbox_tier::none ? with_.run(spec, cancel) : runner_->run(spec, cancel);
}

sandbox_options sandbox_options_for(const std::string& root, const std::string& state,
                                    const std::vector<std::string>& readable) {
  sandbox_options out;
  out.program = sandbox_program();
  if (auto found = look_up_program("bwrap", bubblewrap_path, "/")) out.bubblewrap = *std::move(found);
  out.readable = readable;
  out.hidden.projects = {root, state};
  const char* const home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/' && home[1] != 0)
    out.hidden.home = std::filesystem::path(home).lexically_normal().string();
  return out;
}

}  // namespace graphite
