#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <mutex>

#include "cli/attach.hpp"
#include "cli/build.hpp"
#include "cli/cluster_build.hpp"
#include "cli/config/project_file.hpp"
#include "cli/exit_codes.hpp"
#include "cli/json.hpp"
#include "cli/live_progress.hpp"
#include "cli/local_session.hpp"
#include "cli/log_setup.hpp"
#include "cli/revision_tree.hpp"
#include "platform/linux/process_runner.hpp"

namespace graphite {

namespace {

result<build_summary> ask(service_facade& facade, build_request request) {
  std::promise<result<build_summary>> answered;
  facade.build(request, [&](result<build_summary> how) { answered.set_value(std::move(how)); });
  return answered.get_future().get();
}

/// The tree to build instead of the working tree, with the state folder that stays the project's.
struct other_tree : revision_tree {
  other_tree(revision_tree&& tree, std::string folder)
      : revision_tree(std::move(tree)), state(std::move(folder)) {}
  std::string state;
};

constexpr const char* tree_prefix = "revision-";

/// What builds that were killed left behind.
void forget_dead_trees(const std::string& state) {
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(state, code)) {
    const auto name = entry.path().filename().string();
    if (name.rfind(tree_prefix, 0) != 0) continue;
    const auto pid = std::atoi(name.c_str() + std::string_view(tree_prefix).size());
    if (pid <= 0 || (::kill(pid, 0) != 0 && errno == ESRCH)) std::filesystem::remove_all(entry.path(), code);
  }
}

result<std::unique_ptr<other_tree>> tree_of(const build_options& options) {
  if (options.git_revision.empty()) return nullptr;
  GRAPHITE_TRY(const auto file, find_project_file(options.directory));
  GRAPHITE_TRY(auto state, find_state_folder(options.directory, options.state));
  forget_dead_trees(state);
  linux_process_runner processes;
  GRAPHITE_TRY(auto tree, revision_tree::check_out(
                              processes, std::filesystem::path(file).parent_path().string(),
                              options.git_revision, state + "/" + tree_prefix + std::to_string(::getpid())));
  return std::make_unique<other_tree>(std::move(tree), std::move(state));
}

/// Builds here, whoever serves the project or nobody.
int build_instead(build_options options) {
  options.coordinator.clear();
  options.keys.clear();  // a client's
  options.remote = {};
  if (const auto code = build_attached(options)) return *code;
  return run_build(options);
}

}  // namespace

int run_build(const build_options& options) {
  if (!options.coordinator.empty()) {
    const auto code = build_on_cluster(options);
    return code ? *code : build_instead(options);
  }
  console out(options.json);
  const auto started = std::chrono::steady_clock::now();
  const auto log = make_log(options.log_level, false);
  session_options session;
  session.directory = options.directory;
  session.state = options.state;
  session.keys = options.keys;
  const auto tree = tree_of(options);
  if (!tree) return out.failed(tree.error());
  if (*tree) {
    session.directory = (*tree)->project_folder();
    session.state = (*tree)->state;
    out.say("building {}", (*tree)->commit());
  }
  session.jobs = options.jobs;
  session.scratch_in_memory = options.scratch == "memory";
  session.pin = parse_pin_mode(options.pin).value_or(pin_mode::automatic);
  session.sandbox = options.sandbox;
  session.all_or_nothing = true;
  session.keep_going = options.keep_going;
  session.dry = options.dry_run;
  live_progress shown(out);
  session.on_ingest = [&](std::size_t done, std::size_t all, const std::string& now) {
    shown.files(done, all, now);
  };
  session.on_running = [&](std::size_t done, std::size_t all, const std::string& now) {
    shown.actions(done, all, now);
  };
  auto opened = local_session::open(session, *log);
  if (!opened) return out.failed(opened.error());
  auto summary = ask((*opened)->facade(), {options.keep_going, options.dry_run});
  shown.finish();
  if (!summary) return out.failed(summary.error());
  if (!options.dry_run)
    if (const auto repaired = (*opened)->repair_losses(); !repaired) return out.failed(repaired.error());
  // Only where all of it is shown: what a failed build made waits to be published.
  if (!options.dry_run && summary->failed == 0 && summary->behind == 0) (*opened)->collect_if_due();
  summary->action_cpu_seconds = std::chrono::duration<double>((*opened)->action_cpu()).count();
  summary->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return print_build(out, *summary, options.dry_run);
}

}  // namespace graphite
