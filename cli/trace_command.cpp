#include <CLI/CLI.hpp>

#include <unistd.h>

#include <memory>
#include <optional>

#include "cli/attach.hpp"
#include "cli/exit_codes.hpp"
#include "cli/job_access.hpp"
#include "cli/new_file.hpp"
#include "cli/trace_events.hpp"

namespace graphite {

namespace {

struct trace_options {
  project_options project;
  std::vector<std::string> build;
  std::string output;
};

using page_source = std::function<result<trace_page>(const std::string& build, std::uint64_t after)>;

result<job_id> job_of(const std::string& text) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
    return fail(errc::invalid_argument,
                "a job has a number, as in `graphite trace job 12`, not '" + text + "'");
  return job_id{std::stoull(text)};
}

/// Of jobs: "job 12", and a number alone where a coordinator is named.
result<page_source> source_of(const trace_options& options) {
  const auto& words = options.build;
  const bool says_job = words.size() == 2;
  if (says_job && words.front() != "job")
    return fail(errc::invalid_argument, "a build is `latest`, a number, or `job` and a number");
  if (says_job || (!options.project.remote.at.empty() && words.front() != "latest")) {
    GRAPHITE_TRY(const auto job, job_of(words.back()));
    auto jobs = std::make_shared<job_session>(asking_once(options.project));
    return page_source(
        [jobs, job](const std::string&, std::uint64_t after) { return jobs->trace(job, after); });
  }
  const bool elsewhere = !options.project.remote.at.empty();
  GRAPHITE_TRY(auto made, elsewhere ? attach_coordinator(options.project) : attach(options.project));
  std::shared_ptr<service_client> client = std::move(made);
  return page_source(
      [client](const std::string& build, std::uint64_t after) { return client->trace(build, after); });
}

/// A file, which is there once it is whole, or standard output.
class trace_output {
 public:
  result<void> open(const std::string& path) {
    if (path.empty()) return {};
    beside_.emplace(path);
    GRAPHITE_TRY(auto made, new_file::make(beside_->path()));
    file_.emplace(std::move(made));
    return {};
  }
  result<void> write(std::string_view text) {
    waiting_ += text;
    return waiting_.size() < piece ? result<void>() : flush();
  }
  result<void> finish() {
    GRAPHITE_CHECK(flush());
    if (beside_) return beside_->keep();
    return std::fflush(stdout) == 0 ? result<void>() : fail_errno(errno, "standard output");
  }

 private:
  static constexpr std::size_t piece = 256 * KiB;

  result<void> flush() {
    const auto text = std::exchange(waiting_, {});
    if (file_) return file_->append(as_bytes(text));
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
    return fail_errno(errno, "standard output");
  }

  std::optional<temporary_path> beside_;
  std::optional<new_file> file_;
  std::string waiting_;
};

/// Page by page: what was written is not kept.
result<void> write_all(const page_source& ask, trace_page page, trace_events& events) {
  const auto again = "#" + std::to_string(page.head.id);
  GRAPHITE_CHECK(events.begin(page.head));
  while (true) {
    for (const auto& one : page.actions) GRAPHITE_CHECK(events.add(one));
    if (page.next == 0) return events.end();
    const auto after = page.next;
    GRAPHITE_TRY(page, ask(again, after));
    if (page.next != 0 && page.next <= after) return fail(errc::corrupt, "the pages of a trace do not end");
  }
}

result<void> write_trace(const trace_options& options, console& out) {
  GRAPHITE_TRY(const auto ask, source_of(options));
  GRAPHITE_TRY(auto first, ask(options.build.back(), 0));
  const auto head = first.head;
  trace_output output;
  GRAPHITE_CHECK(output.open(options.output));
  trace_events events([&](std::string_view text) { return output.write(text); });
  GRAPHITE_CHECK(write_all(ask, std::move(first), events));
  GRAPHITE_CHECK(output.finish());
  out.remark(trace_summary(head, events.critical(), events.all()));
  out.object(trace_object(head, events.critical(), events.all()));
  return {};
}

int run_trace(const trace_options& options) {
  console out(options.project.json);
  if (options.project.json && options.output.empty())
    return out.failed({errc::invalid_argument, "with --json the trace goes to a file: name it with -o"});
  const auto done = write_trace(options, out);
  return done ? exit_ok : out.failed(done.error());
}

}  // namespace

void add_trace(CLI::App& root, chosen_command& chosen) {
  auto kept = std::make_shared<trace_options>();
  CLI::App& command =
      *root.add_subcommand("trace", "Tell where the time of a build went, for a viewer of traces");
  command
      .add_option("BUILD", kept->build,
                  "`latest`, the number of a generation, or `job` and a number; with --coordinator a number "
                  "is a job's")
      ->required()
      ->expected(1, 2);
  command.add_option("-o,--output", kept->output, "File to write (default: standard output)")
      ->envname("GRAPHITE_TRACE_OUTPUT")
      ->type_name("FILE");
  add_coordinator_options(command, kept->project);
  command.footer(
      "Writes the trace event format (JSON). Open the file at https://ui.perfetto.dev (it stays on your\n"
      "machine) or at chrome://tracing. First comes the build with its critical path, the chain of actions\n"
      "that determined when it ended; then each node with its slots. An action's spans are queue (until it\n"
      "began), fetch (its inputs), run, store (its outputs, until they are durable and said), publish "
      "(until\n"
      "its result counts). What lies on the critical path is worth making faster, and nothing else is.\n"
      "A summary goes to standard error. Asked of a service that runs: it keeps the newest builds.\n\n"
      "Examples:\n"
      "  graphite trace latest -o build.json             of `graphite dev` or the coordinator of this "
      "project\n"
      "  graphite trace 7 > build.json                   the build that published generation 7\n"
      "  graphite trace job 12 -o job.json\n"
      "  graphite trace 12 --coordinator farm --keys ~/keys/ci -o job.json");
  command.callback([kept, &chosen] { chosen = [kept] { return run_trace(*kept); }; });
}

}  // namespace graphite
