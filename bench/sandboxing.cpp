#include <unistd.h>

#include <filesystem>
#include <map>

#include "bench/child.hpp"
#include "bench/workloads.hpp"
#include "core/cancel_token.hpp"
#include "platform/linux/process_runner.hpp"
#include "platform/sandbox/sandboxed_runner.hpp"

namespace graphite::bench {

namespace {

constexpr std::array tiers{sandbox_tier::namespaces, sandbox_tier::bubblewrap, sandbox_tier::landlock,
                           sandbox_tier::limits};

/// A scratch folder with one input, as an action has it.
struct place {
  std::string root = temporary_folder("sandbox");
  process_spec spec;

  place() {
    for (const auto* name : {"/work", "/tmp"}) std::filesystem::create_directory(root + name);
    spec.argv = {"true"};
    spec.environment = {{"PATH", "/usr/bin:/bin"}};
    spec.working_folder = root + "/work";
    spec.temporary_folder = root + "/tmp";
  }
  ~place() { std::filesystem::remove_all(root); }
};

double milliseconds_of(process_runner& runner, const process_spec& spec) {
  const double start = now_seconds();
  const auto ran = runner.run(spec, cancel_token());
  if (!ran) give_up(ran.error().context);
  if (ran->exit_code != 0) give_up("a command in a sandbox failed");
  return 1e3 * (now_seconds() - start);
}

}  // namespace

report run_sandbox(const bench_options& options) {
  report out;
  const place here;
  linux_process_runner plain;
  sandbox_options how;
  how.program = options.programs + "/graphite-sandbox";
  if (::access("/usr/bin/bwrap", X_OK) == 0) how.bubblewrap = "/usr/bin/bwrap";
  std::map<sandbox_tier, std::unique_ptr<sandboxed_runner>> runners;
  for (const auto tier : tiers) {
    const auto refused = try_sandbox(plain, tier, how, here.root);
    if (!refused.empty()) {
      out.notes.push_back("NOT MEASURED: " + std::string(to_string(tier)) + ": " + refused);
      continue;
    }
    auto made = sandboxed_runner::make(plain, tier, how);
    if (!made) give_up(made.error().context);
    runners[tier] = *std::move(made);
  }
  std::vector<double> none, repeated;
  std::map<sandbox_tier, std::vector<double>> in;
  for (int i = 0; i < (options.quick ? 20 : 400); ++i) {
    none.push_back(milliseconds_of(plain, here.spec));
    for (const auto& [tier, runner] : runners) in[tier].push_back(milliseconds_of(*runner, here.spec));
    const auto strongest = runners.rbegin();
    if (strongest == runners.rend() || !hides_files(strongest->first)) continue;
    auto tells = here.spec;
    tells.tells_reads = true;
    repeated.push_back(milliseconds_of(*strongest->second, tells));
  }
  const double base = median(none);
  out.figures.push_back({"none_ms", base, "ms", better::lower, {}, {}, {}});
  for (const auto& [tier, times] : in)
    out.figures.push_back({"overhead_ms_per_action_" + std::string(to_string(tier)),
                           median(times) - base,
                           "ms",
                           better::lower,
                           3.0,
                           {},
                           {}});
  if (!repeated.empty())
    out.figures.push_back(
        {"repeated_run_overhead_ms", median(repeated) - base, "ms", better::lower, {}, {}, {}});
  out.notes.push_back(
      "`true` through the process runner, all tiers interleaved, medians; repeated run: the strongest tier "
      "with every "
      "path that is asked for told, as after a failure");
  return out;
}

}  // namespace graphite::bench
