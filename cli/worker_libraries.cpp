#include "cli/worker_libraries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/worker_options.hpp"
#include "cli/worker_program.hpp"

namespace graphite {

namespace {

constexpr milliseconds answer_max{30'000};

}  // namespace

std::vector<std::string> built_in_names(const project& config) {
  std::set<std::string> out;
  for (const auto& rule : config.rules)
    if (rule.built_in) out.insert(rule.built_in->name);
  return {out.begin(), out.end()};
}

std::string library_lines(const transform_libraries& all) {
  std::string out;
  for (const auto& [transform, libraries] : all)
    for (const auto& [name, build] : libraries) out += fmt::format("{}\t{}\t{}\n", transform, name, build);
  return out;
}

std::vector<std::string> server_arguments(const transform_libraries& libraries,
                                          const std::vector<std::string>& transforms) {
  std::vector<std::string> out;
  if (!transforms.empty())
    out.push_back(std::string(made_for_option) + libraries_mark(library_lines(libraries)));
  out.insert(out.end(), transforms.begin(), transforms.end());
  return out;
}

result<transform_libraries> parse_library_lines(std::string_view text) {
  transform_libraries out;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto first = line.find('\t');
    const auto second = first == line.npos ? first : line.find('\t', first + 1);
    if (second == line.npos) return fail(errc::corrupt, fmt::format("'{}' names no library", line));
    out[std::string(line.substr(0, first))].emplace(line.substr(first + 1, second - first - 1),
                                                    line.substr(second + 1));
  }
  return out;
}

result<transform_libraries> libraries_of_workers(process_runner& processes, const std::string& program,
                                                 const std::map<std::string, std::string>& environment,
                                                 const std::vector<std::string>& transforms,
                                                 const cancel_token& cancel) {
  process_spec run;
  run.argv = {program, libraries_option};
  run.argv.insert(run.argv.end(), transforms.begin(), transforms.end());
  run.environment = environment;
  run.working_folder = "/";
  run.timeout = answer_max;
  const auto ended = processes.run(run, cancel);
  if (!ended && ended.error().code == errc::not_found)
    return fail(
        errc::unsupported,
        fmt::format("there is no {}: it belongs beside `graphite`, or GRAPHITE_WORKER names it", program));
  if (!ended)
    return fail(errc::unsupported, fmt::format("cannot run {}: {}", program, ended.error().context));
  if (ended->cancelled) return fail(errc::cancelled, "cancelled before the workers' program had answered");
  auto parsed = parse_library_lines(ended->out);
  if (ended->exit_code == 0 && parsed &&
      std::ranges::all_of(transforms, [&](const auto& name) { return parsed->contains(name); }))
    return parsed;
  const auto said = ended->err.substr(0, ended->err.find('\n'));
  return fail(errc::unsupported,
              fmt::format("{} does not tell its libraries ({}): is GRAPHITE_WORKER, or what stands beside "
                          "`graphite`, of this version?",
                          program,
                          ended->timed_out ? fmt::format("no answer within {} s", answer_max.count() / 1000)
                          : said.empty()   ? fmt::format("exit code {}", ended->exit_code)
                                           : said));
}

result<transform_libraries> libraries_for(const project& config, process_runner& processes,
                                          const std::map<std::string, std::string>& environment,
                                          const cancel_token& cancel) {
  const auto transforms = built_in_names(config);
  if (transforms.empty()) return transform_libraries{};
  return libraries_of_workers(processes, worker_program(), worker_environment(environment), transforms,
                              cancel);
}

std::map<std::string, digest> transform_tools(const transform_libraries& all, const hasher& hash) {
  std::map<std::string, digest> out;
  for (const auto& [name, libraries] : all)
    out.emplace(transform_tool_name(name), hash.sha256(as_bytes(library_lines({{name, libraries}}))));
  return out;
}

}  // namespace graphite
