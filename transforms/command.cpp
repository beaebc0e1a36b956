#include "transforms/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <set>

#include "core/output_set.hpp"
#include "core/path_text.hpp"
#include "core/text_tail.hpp"
#include "transforms/depfile.hpp"

namespace graphite {

namespace {

std::string megabytes(std::uint64_t bytes) { return fmt::format("{} MiB", bytes / MiB); }

std::string how_it_ended(const attempt_spec& spec, const process_outcome& outcome) {
  if (outcome.timed_out)
    return fmt::format("ran longer than {} ms and was killed (the rule's timeout)",
                       spec.command->timeout.count());
  if (outcome.cancelled) return "was cancelled";
  if (!outcome.over_limit.empty())
    return fmt::format("was killed: it used {}, more than a sandbox allows (docs/sandbox.md)",
                       outcome.over_limit);
  const auto* const before = outcome.unanswered ? " before it answered" : "";
  if (outcome.signal != 0)
    return fmt::format("was ended by signal {} ({}){}", outcome.signal, ::strsignal(outcome.signal), before);
  if (outcome.unanswered && outcome.exit_code < 0) return "gave no answer";
  return fmt::format("ended with status {}{}", outcome.exit_code, before);
}

/// A limit shows as a failed allocation; name it where the process was near it.
std::string memory_hint(const attempt_spec& spec, const process_outcome& outcome) {
  const auto limit = spec.command->memory_bytes_max;
  if (limit == 0 || outcome.memory_bytes_peak < limit / 2) return {};
  return fmt::format("; it used {} of the {} the rule allows", megabytes(outcome.memory_bytes_peak),
                     megabytes(limit));
}

command_names names_of(const attempt_spec& spec) {
  return {spec.main_input, spec.outputs, spec.command->depfile, spec.tools};
}

result<std::optional<logical_path>> depfile_of(const attempt_spec& spec) {
  if (spec.command->depfile.empty()) return std::nullopt;
  const auto name = expand_output(spec.command->depfile, spec.main_input);
  if (!name) return fail(name.error().code, "depfile: " + name.error().context);
  if (name->wildcard) return fail(errc::invalid_argument, "depfile: a wildcard: " + name->text);
  GRAPHITE_TRY(auto path, logical_path::parse(name->text));
  return std::optional(std::move(path));
}

}  // namespace

std::optional<logical_path> logical_from_tool(std::string_view path, const attempt_place& place) {
  if (path.starts_with('/')) {
    const auto within = [&](std::string_view folder) {
      return !folder.empty() && is_at_or_below(path, folder);
    };
    const auto inside = [&](std::string_view folder) { return within(folder) && path != folder; };
    const auto& work = place.working_folder;
    if (!inside(work) && (within(work) || within(place.temporary_folder) || !inside(place.view_folder)))
      return std::nullopt;
    path.remove_prefix((inside(work) ? work : place.view_folder).size() + 1);
  }
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == ".." && parts.empty()) return std::nullopt;
    if (part == "..")
      parts.pop_back();
    else
      parts.push_back(part);
  }
  auto out = logical_path::parse(fmt::format("{}", fmt::join(parts, "/")));
  return out ? std::optional(std::move(*out)) : std::nullopt;
}

result<process_plan> command_transform::plan(const attempt_spec& spec, const attempt_place& place) const {
  process_plan out;
  GRAPHITE_TRY(out.depfile, depfile_of(spec));
  auto names = names_of(spec);
  const auto depfile = out.depfile ? out.depfile->str() : std::string();
  const command_names words{names.input, names.outputs, depfile, names.tools};
  GRAPHITE_TRY(auto line, command_line_of(*spec.command, words));
  out.process.argv = std::move(line.argv);
  out.process.environment = spec.environment;
  if (spec.command->worker.empty()) {
    for (const auto* name : {"HOME", "TMPDIR"})
      out.process.environment.try_emplace(name, place.temporary_folder);
    out.process.environment.merge(line.environment);
  } else {
    out.process.worker = std::move(line.worker);
  }
  out.process.temporary_folder = place.temporary_folder;
  for (const auto& input : spec.inputs) out.process.inputs.push_back({input.path.str(), input.content});
  out.process.readable = spec.tool_files;
  out.process.working_folder = place.working_folder;
  out.process.timeout = spec.command->timeout;
  out.process.memory_bytes_max = spec.command->memory_bytes_max;
  return out;
}

result<depfile_reading> command_transform::discovered(const attempt_spec& spec, const attempt_place& place,
                                                      std::string_view depfile) const {
  GRAPHITE_TRY(const auto written, parse_depfile(depfile));
  GRAPHITE_TRY(const auto outputs, output_set::make(spec.outputs));
  std::set<std::string_view> programs;
  for (const auto& [name, program] : spec.tools) programs.insert(program);
  std::set<logical_path> found;
  for (const auto& text : written)
    if (auto path = logical_from_tool(text, place); path && !programs.contains(text))
      found.insert(std::move(*path));
  found.erase(spec.main_input);
  depfile_reading out;
  for (const auto& input : spec.inputs)
    if (found.erase(input.path) != 0) out.inputs.push_back(input.path);
  for (const auto& path : found)
    if (!outputs.declares(path.str())) out.others.push_back(path);
  return out;
}

std::optional<logical_path> command_transform::logical(const std::string& path,
                                                       const attempt_place& place) const {
  return logical_from_tool(path, place);
}

std::string command_transform::failure(const attempt_spec& spec, const process_outcome& outcome) const {
  const bool done = outcome.exit_code == 0 && !outcome.unanswered && outcome.over_limit.empty();
  if (done && !outcome.timed_out && !outcome.cancelled) return {};
  const auto& command = spec.command->worker.empty() ? spec.command->argv : spec.command->worker;
  const auto program = command.empty() ? std::string() : command.front();
  auto out = fmt::format("{}: {} {}{}", spec.main_input.str(),
                         spec.command->shell ? "the shell command" : "'" + last_lines(program, 256) + "'",
                         how_it_ended(spec, outcome), memory_hint(spec, outcome));
  const auto& said = outcome.err.empty() ? outcome.out : outcome.err;
  if (!said.empty())
    out += '\n' + last_lines(said, message_bytes_max - std::min(out.size() + 1, message_bytes_max));
  return out;
}

}  // namespace graphite
