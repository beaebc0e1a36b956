#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>

#include "actors/facade.hpp"
#include "core/ports/log.hpp"
#include "core/ports/process_runner.hpp"
#include "core/project.hpp"
#include "core/sandbox.hpp"
#include "platform/sandbox/sandboxed_runner.hpp"

namespace graphite {

/// As they are tried.
inline constexpr std::array sandbox_tiers{sandbox_tier::namespaces, sandbox_tier::bubblewrap,
                                          sandbox_tier::landlock, sandbox_tier::limits};

struct session_sandbox_options {
  sandbox_mode mode = sandbox_mode::best;
  sandbox_options how;
  std::string scratch;  ///< a folder for the trial; absolute
};

/// Runs a session's commands in the sandbox that the project asks for and the machine allows.
///
/// Which tier works is tried when the first command runs or somebody asks, because a build where nothing is
/// to be done needs none. That it is less than namespaces is told to the log once. Thread-safe.
class session_sandbox final : public process_runner {
 public:
  session_sandbox(linux_process_runner& with, session_sandbox_options options, log_sink& log);
  ~session_sandbox() override;

  /// Tries the tiers, where that is not done yet. Errors: unsupported (see choose_sandbox()).
  result<sandbox_choice> choose();
  /// `so_far`, with what is in force.
  machine_status told(machine_status so_far);
  result<process_outcome> run(const process_spec& spec, const cancel_token& cancel) override;

 private:
  result<sandbox_choice> try_all();

  linux_process_runner& with_;
  session_sandbox_options options_;
  log_sink& log_;
  std::mutex mutex_;
  std::unique_ptr<result<sandbox_choice>> chosen_;
  std::unique_ptr<sandboxed_runner> runner_;
};

/// `mode`: over the project's; empty: that. Where it is required, it is known to hold when this returns.
/// Errors: invalid_argument (an unknown word), unsupported (see choose_sandbox(); a rule's tool stays warm,
/// and nothing shuts such in).
result<std::unique_ptr<session_sandbox>> open_session_sandbox(linux_process_runner& with,
                                                              const project& config, const std::string& mode,
                                                              log_sink& log);

/// What a project's commands must not be shown by accident, and what they are shown.
sandbox_options sandbox_options_for(const std::string& root, const std::string& state,
                                    const std::vector<std::string>& readable);

}  // namespace graphite
