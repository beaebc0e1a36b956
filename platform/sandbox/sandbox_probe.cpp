#include <fmt/format.h>

#include "core/cancel_token.hpp"
#include "core/text_tail.hpp"
#include "platform/sandbox/sandboxed_runner.hpp"

namespace graphite {

namespace {

constexpr milliseconds trial_max{10'000};

}  // namespace

std::string try_sandbox(linux_process_runner& with, sandbox_tier tier, const sandbox_options& options,
                        const std::string& scratch) {
  if (tier == sandbox_tier::bubblewrap && options.bubblewrap.empty())
    return "bwrap is not installed (package bubblewrap)";
  auto tried = options;
  tried.readable.clear();
  const auto runner = sandboxed_runner::make(with, tier, std::move(tried));
  if (!runner) return runner.error().context;
  process_spec spec;
  spec.argv = {options.program, "nothing"};
  spec.working_folder = scratch;
  spec.timeout = trial_max;
  const auto ran = (*runner)->run(spec, cancel_token());
  if (!ran) return ran.error().context;
  if (ran->exit_code == 0) return {};
  if (ran->timed_out) return "it did not end in ten seconds";
  const auto said = last_lines(ran->err, 512);
  return fmt::format("{}{}",
                     said.empty() ? "it ended with status " : said.substr(0, said.find_last_not_of('\n') + 1),
                     said.empty() ? std::to_string(ran->exit_code) : "");
}

}  // namespace graphite
