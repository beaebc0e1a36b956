#include <filesystem>

#include "cli/console.hpp"
#include "cli/doctor.hpp"
#include "cli/doctor/look.hpp"
#include "cli/doctor/report.hpp"
#include "cli/doctor/topology_picture.hpp"
#include "cli/doctor/topology_text.hpp"
#include "cli/exit_codes.hpp"
#include "cli/new_file.hpp"

namespace graphite {

namespace {

using namespace doctor;

struct looked_at {
  processor_report processors{};
  drawn_machine machine{};
  findings found{};
};

void add(findings& to, findings more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// Which of what was tried a filter of system calls may be the reason for.
std::vector<std::string> denied_calls(const processor_report& processors, const async_io_report& io,
                                      const sandbox_report& sandbox) {
  std::vector<std::string> out;
  if (!io.refused.empty()) out.push_back("io_uring");
  if (!processors.plan.placement_reason.empty()) out.push_back("memory placement");
  if (!sandbox.user_namespaces_refused.empty()) out.push_back("user namespaces");
  if (!sandbox.landlock_abi) out.push_back("Landlock");
  return out;
}

std::size_t threads_of(const affinity_plan& plan) {
  std::size_t out = 0;
  for (const auto& domain : plan.domains) out += domain.threads;
  return out;
}

looked_at look(const doctor_options& options) {
  looked_at out;
  auto sandbox = look_at_sandbox();  // forks: first, while there is one thread
  out.processors = look_at_processors(options.pinning);
  const auto& plan = out.processors.plan;
  out.machine = lay_out(plan.topology, look_at_processor_places());
  const auto io = look_at_async_io();
  sandbox.denied = denied_calls(out.processors, io, sandbox);
  const auto folders = look_at_folders(options.directory, options.state);
  add(out.found, judge_processors(out.processors));
  add(out.found, judge_memory(look_at_memory(threads_of(plan.affinity))));
  add(out.found, judge_async_io(io));
  add(out.found, judge_limits(look_at_limits()));
  add(out.found, judge_sandbox(sandbox));
  add(out.found, judge_folders(folders));
  add(out.found, judge_watches(look_at_watches(count_project_folders(folders))));
  add(out.found, judge_clocks(look_at_clocks()));
  add(out.found, judge_ports(look_at_ports()));
  add(out.found, judge_programs(look_at_programs()));
  return out;
}

/// Replaces the file: a picture of before is of no use.
result<void> write_picture(const std::string& file, const std::string& text) {
  std::error_code code;
  if (std::filesystem::is_directory(file, code)) return fail(errc::invalid_argument, file + " is a folder");
  temporary_path scratch{std::filesystem::path(file)};
  GRAPHITE_TRY(auto written, new_file::make(scratch.path()));
  GRAPHITE_CHECK(written.append(as_bytes(text)));
  return scratch.keep();
}

}  // namespace

int run_doctor(const doctor_options& options) {
  console out(options.json);
  const auto all = look(options);
  const auto& plan = all.processors.plan;
  if (!options.picture.empty())
    if (const auto done = write_picture(options.picture, topology_picture(all.machine, caption_of(plan)));
        !done)
      return out.failed(done.error());
  auto object = report_object(all.found, plan, all.machine, options.pinning);
  if (!options.picture.empty()) object["picture"] = options.picture;
  out.object(object);
  if (!options.json) {
    const auto& to = out.out_terminal();
    out.line(topology_text(all.machine));
    out.line(findings_text(all.found, {to.color, to.is_terminal ? to.columns : 0}));
    if (!options.picture.empty()) out.say("picture: {}", printable(options.picture));
  }
  return options.strict && worst_of(all.found) == finding_state::bad ? exit_failed : exit_ok;
}

}  // namespace graphite
