#include "node/assigned_attempts.hpp"

#include <algorithm>

#include "bundle/chunker.hpp"
#include "core/hex.hpp"

namespace graphite {

result<attempt_spec> assigned_attempts::spec_of(const control::recipe& how,
                                                const control::assignment& what) const {
  const action_id action{static_cast<std::uint32_t>(what.attempt.task.value)};
  attempt_spec out{action,
                   what.attempt.number,
                   what.attempt.epoch,
                   what.trace,
                   how.rule,
                   what.main_input,
                   what.inputs,
                   what.outputs,
                   how.command,
                   how.built_in,
                   how.environment,
                   {},
                   what.key,
                   {}};
  for (auto& one : out.inputs) one.generated = true;  // here everything comes from stores
  for (const auto& wanted : how.tools) {
    const auto found = options_.tools.find(wanted.name);
    if (found == options_.tools.end())
      return fail(errc::unsupported, "this node does not have the tool '" + wanted.name + "'");
    if (found->second.what != wanted.what)
      return fail(errc::unsupported, "this node has another build of the tool '" + wanted.name + "' than " +
                                         to_hex(wanted.what).substr(0, 12));
    out.tools.emplace(wanted.name, found->second.program);
    out.tool_files.insert(out.tool_files.end(), found->second.files.begin(), found->second.files.end());
  }
  return out;
}

result<void> assigned_attempts::take_bodies(const std::vector<byte_vector>& bodies) const {
  for (const auto& bytes : bodies) {
    const auto chunks = chunk_bytes(bytes, ports_.hash);
    GRAPHITE_CHECK(ports_.contents.put(bytes, chunks));
  }
  return {};
}

result<std::vector<byte_vector>> assigned_attempts::bodies_of(
    const std::vector<attempt_output>& outputs) const {
  std::vector<byte_vector> out;
  std::uint64_t sum = 0;
  for (const auto& output : outputs) {
    const auto& content = output.content;
    if (!output.parts.empty() || content.size == 0 || content.size > inline_bytes_max) continue;
    if (sum + content.size > options_.bodies_bytes_max || out.size() == control_limits::bodies_max) break;
    sum += content.size;
    byte_vector bytes(content.size);
    GRAPHITE_CHECK(ports_.contents.read(content.id, 0, bytes));
    out.push_back(std::move(bytes));
  }
  return out;
}

namespace {

std::vector<content_ref> contents_of(const std::vector<attempt_input>& inputs) {
  std::vector<content_ref> out;
  for (const auto& input : inputs)
    for (const auto& content : stored_contents(input.content, input.parts)) out.push_back(content);
  return out;
}

attempt_result without_inputs(std::vector<digest> lost) {
  attempt_result out;
  out.status = attempt_status::lost_input;
  lost.resize(std::min(lost.size(), control_limits::lost_max));
  out.message = "no store has the content " + to_hex(lost.front()) +
                (lost.size() == 1 ? std::string() : " and " + std::to_string(lost.size() - 1) + " others");
  out.lost = std::move(lost);
  return out;
}

attempt_result refused_for(const error& why) {
  attempt_result out;
  out.status = attempt_status::refused;
  out.message = why.context;
  return out;
}

}  // namespace

/// A command gets all of its inputs at once; a built-in transform asks for what it reads.
attempt_result assigned_attempts::run_with(const attempt_spec& spec, const cancel_token& cancel,
                                           time_point& fetched) const {
  const auto inputs = contents_of(spec.inputs);
  if (spec.command && ports_.fetch) {
    auto lost = ports_.fetch(inputs);
    fetched = now();
    if (!lost) return refused_for(lost.error());
    if (!lost->empty()) return without_inputs(std::move(*lost));
  }
  auto done = ports_.run(spec, cancel);
  const bool unread = done.status == attempt_status::refused || done.status == attempt_status::stale_input;
  if (!unread || cancel.cancelled() || !ports_.mend) return done;
  auto mended = ports_.mend(inputs);
  if (!mended) return done;
  if (!mended->lost.empty()) return without_inputs(std::move(mended->lost));
  return mended->again ? ports_.run(spec, cancel) : done;
}

control::attempt_end assigned_attempts::run(const control::recipe& how, const control::assignment& what,
                                            const cancel_token& cancel) const {
  control::attempt_end out;
  out.attempt = what.attempt;
  const auto begun = now();
  auto fetched = begun;
  const auto refuse = [&](const error& why) {
    out.result = {};
    out.result.status = cancel.cancelled() ? attempt_status::cancelled : attempt_status::refused;
    out.result.message = why.context;
    out.bodies.clear();
    return out;
  };
  const auto spec = spec_of(how, what);
  if (!spec) return refuse(spec.error());
  if (const auto taken = take_bodies(what.bodies); !taken) return refuse(taken.error());
  out.result = run_with(*spec, cancel, fetched);
  const auto ran = now();
  out.times.fetch = fetched - begun;
  out.times.run = ran - fetched;
  if (out.result.status != attempt_status::succeeded) return out;
  auto bodies = bodies_of(out.result.outputs);
  if (!bodies) return refuse(bodies.error());
  out.bodies = std::move(*bodies);
  if (const auto durable = ports_.contents.sync(); !durable) return refuse(durable.error());
  out.times.store = now() - ran;
  return out;
}

}  // namespace graphite
