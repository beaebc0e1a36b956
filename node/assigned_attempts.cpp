#include "node/assigned_attempts.hpp"

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

control::attempt_end assigned_attempts::run(const control::recipe& how, const control::assignment& what,
                                            const cancel_token& cancel) const {
  control::attempt_end out;
  out.attempt = what.attempt;
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
  out.result = ports_.run(*spec, cancel);
  if (out.result.status != attempt_status::succeeded) return out;
  auto bodies = bodies_of(out.result.outputs);
  if (!bodies) return refuse(bodies.error());
  out.bodies = std::move(*bodies);
  if (const auto durable = ports_.contents.sync(); !durable) return refuse(durable.error());
  return out;
}

}  // namespace graphite
