#include "coordinator/cluster/view_task.hpp"

#include <algorithm>

#include "core/checksum.hpp"
#include "core/record_codec.hpp"

namespace graphite {

result<control::recipe> recipe_of(const attempt_spec& spec, const std::map<std::string, digest>& tools) {
  control::recipe out;
  out.rule = spec.rule;
  out.rule_number = checksum64(as_bytes(spec.rule));
  out.command = spec.command;
  out.built_in = spec.built_in;
  out.environment = spec.environment;
  std::vector<std::string> named;
  if (spec.command) named = spec.command->tools;
  if (spec.built_in) named.push_back("transform/" + spec.built_in->name);
  std::ranges::sort(named);
  for (const auto& name : named) {
    const auto found = tools.find(name);
    if (found == tools.end())
      return fail(errc::invalid_argument, "what the tool '" + name + "' is is not known");
    out.tools.push_back({name, found->second});
  }
  if (spec.demand) out.needs = spec.demand->needs;
  return out;
}

std::optional<rule_pool> pool_of(const attempt_spec& spec) {
  if (!spec.demand || spec.demand->at_once == 0) return std::nullopt;
  const auto number = checksum64(as_bytes("pool of " + spec.rule));
  return rule_pool{number == 0 ? 1 : number, spec.demand->at_once};
}

digest task_key(const attempt_spec& spec, const hasher& hash) {
  record_writer out;
  out.bytes("graphite task 1");
  out.digest_value(spec.weak_key);
  out.number(spec.inputs.size());
  for (const auto& input : spec.inputs) {
    out.bytes(input.path.str());
    out.content(input.content);
    out.contents(input.parts);
  }
  return hash.sha256(as_bytes(out.text()));
}

dispatch_task task_of(const attempt_spec& spec, const digest& key, const view_wish& wish) {
  return {wish.job, wish.level,   0,          key, wish.recipe, spec.main_input, spec.inputs,
          {},       spec.outputs, spec.trace, 0,   0,           wish.now,        0};
}

namespace {

std::shared_ptr<const attempt_story> story_of(const finished_attempt& what) {
  using why = schedule_commands::assign::why;
  attempt_story out{what.node, what.domain};
  out.tries = std::max<std::uint32_t>(what.end.attempt.number.value, 1);
  if (what.reason == why::again)
    out.cause = "tried again" + (what.earlier.empty() ? "" : ": " + what.earlier);
  if (what.reason == why::straggler) out.cause = "tried beside a late one";
  if (what.reason == why::recheck) out.cause = "tried twice, to compare";
  out.given = what.assigned;
  out.back = what.reported;
  out.times = what.end.times;
  return std::make_shared<const attempt_story>(std::move(out));
}

}  // namespace

attempt_result result_of(const attempt_spec& spec, const dispatch_commands::done& how) {
  attempt_result out;
  if (how.how == task_end::finished) {
    out = how.result->end.result;
    out.story = story_of(*how.result);
  } else {
    out.status = how.how == task_end::poisoned ? attempt_status::failed : attempt_status::refused;
    if (how.reason) out.message = *how.reason;
    if (!how.lost.empty()) {
      out.status = attempt_status::lost_input;
      out.lost = how.lost;
    }
  }
  out.action = spec.action;
  out.attempt = spec.attempt;
  return out;
}

}  // namespace graphite
