#include "coordinator/cluster/recipe_book.hpp"

#include <algorithm>

#include "core/messages/control_sizes.hpp"
#include "core/record_codec.hpp"

namespace graphite {

namespace {

using limits = control_limits;

void put(record_writer& out, const std::vector<std::string>& texts) {
  out.number(texts.size());
  for (const auto& text : texts) out.bytes(text);
}

void put(record_writer& out, const command_spec& command) {
  put(out, command.argv);
  put(out, command.worker);
  out.byte(command.shell ? 1 : 0);
  put(out, command.inputs);
  out.bytes(command.depfile);
  put(out, command.tools);
  out.bytes(command.program_tool);
  out.signed_number(command.timeout.count());
  out.number(command.memory_bytes_max);
}

void put(record_writer& out, const built_in_spec& built_in) {
  out.bytes(built_in.name);
  out.number(built_in.version);
  out.bytes(built_in.options.encode());
  put(out, built_in.inputs);
  out.signed_number(built_in.timeout.count());
  out.number(built_in.memory_bytes_max);
  out.number(built_in.output_bytes_max);
}

/// All that a node is told of it, and what else makes it another one.
std::string content_of(const control::recipe& what, const std::vector<std::string>& requirements) {
  record_writer out;
  out.bytes(what.rule);
  out.number(what.rule_number);
  out.number(what.pool);
  out.byte(what.built_in ? 1 : 0);
  if (what.built_in)
    put(out, *what.built_in);
  else
    put(out, *what.command);
  out.number(what.environment.size());
  for (const auto& [name, value] : what.environment) out.bytes(name), out.bytes(value);
  out.number(what.tools.size());
  for (const auto& tool : what.tools) out.bytes(tool.name), out.digest_value(tool.what);
  out.number(what.needs.cpu_milli);
  out.number(what.needs.memory_bytes);
  out.number(what.needs.resources.size());
  for (const auto& one : what.needs.resources) out.bytes(one.name), out.number(one.count);
  put(out, requirements);
  return out.take();
}

std::string tool_name(const control::tool_offer& tool) {
  return "tool:" + tool.name + "=" + to_hex(tool.what);
}
std::string property_name(const control::property& one) { return "prop:" + one.name + "=" + one.value; }

bool within(const std::vector<std::string>& texts, std::size_t bytes = limits::text_bytes_max) {
  return texts.size() <= limits::words_max &&
         std::ranges::all_of(texts, [&](const std::string& text) { return text.size() <= bytes; });
}

bool within(const command_spec& command) {
  return within(command.argv) && within(command.worker) && within(command.inputs) && within(command.tools) &&
         command.depfile.size() <= limits::text_bytes_max &&
         command.program_tool.size() <= limits::name_bytes_max;
}

bool within(const built_in_spec& built_in) {
  return within(built_in.inputs) && built_in.name.size() <= limits::name_bytes_max &&
         built_in.options.encode().size() <= limits::options_bytes_max;
}

bool within(const control::recipe& what) {
  const auto named = [](const auto& one) { return one.name.size() <= limits::name_bytes_max; };
  const auto short_variable = [](const auto& one) {
    return one.first.size() <= limits::name_bytes_max && one.second.size() <= limits::text_bytes_max;
  };
  return what.rule.size() <= limits::name_bytes_max && (!what.command || within(*what.command)) &&
         (!what.built_in || within(*what.built_in)) && what.environment.size() <= limits::words_max &&
         std::ranges::all_of(what.environment, short_variable) && what.tools.size() <= limits::tools_max &&
         std::ranges::all_of(what.tools, named) && std::ranges::all_of(what.needs.resources, named);
}

result<void> check(const control::recipe& what) {
  if (bool(what.command) == bool(what.built_in) || (what.command && what.command->argv.empty()))
    return fail(errc::invalid_argument, "recipe of " + what.rule + ": it runs no command and no transform");
  constexpr milliseconds longest(1'000'000'000);
  const auto timeout = what.command ? what.command->timeout : what.built_in->timeout;
  if (timeout < milliseconds(0) || timeout > longest)
    return fail(errc::invalid_argument, "recipe of " + what.rule + ": a time limit that is none");
  // Of what is left a message, an assignment has as much.
  if (!within(what) || control::bytes_of(what) > limits::message_bytes_max / 2 - control::message_frame_bytes)
    return fail(errc::too_large, "recipe of " + what.rule + ": it is too large for a message");
  return {};
}

}  // namespace

result<recipe_id> recipe_book::add(const control::recipe& what, const std::optional<rule_pool>& pool,
                                   const std::vector<control::property>& platform, scheduler& in) {
  GRAPHITE_CHECK(check(what));
  auto told = what;
  told.number = 0;
  told.pool = pool ? pool->number : 0;
  std::vector<std::string> requirements;
  for (const auto& tool : what.tools) requirements.push_back(tool_name(tool));
  for (const auto& one : platform) requirements.push_back(property_name(one));
  auto content = content_of(told, requirements);
  GRAPHITE_TRY(auto needs, needs_of(what.needs));
  if (pool) {
    if (pool->number == 0) return fail(errc::invalid_argument, "a pool without a number");
    GRAPHITE_TRY(needs.pool, in.pool(pool->number, pool->at_once));
  }
  if (const auto known = by_content_.find(content); known != by_content_.end()) {
    ++entries_.at(known->second).users;
    return known->second;
  }
  if (entries_.size() >= most_)
    return fail(errc::busy, std::to_string(most_) + " recipes are in use already");
  GRAPHITE_TRY(needs.requirement, in.requirement(std::move(requirements)));
  used_entry made;
  GRAPHITE_TRY(made.shape, in.shape(needs));
  made.index = in.rule(what.rule_number);
  made.bytes = control::bytes_of(told);
  made.rule = std::make_shared<const std::string>(what.rule);
  made.platform = platform;
  made.what = std::make_shared<const control::recipe>(std::move(told));
  made.users = 1;
  const recipe_id id{++last_};
  made.content = &by_content_.emplace(std::move(content), id).first->first;
  entries_.emplace(id, std::move(made));
  return id;
}

const recipe_book::entry* recipe_book::find(recipe_id recipe) const {
  const auto found = entries_.find(recipe);
  return found == entries_.end() ? nullptr : &found->second;
}

void recipe_book::use(recipe_id recipe) { ++entries_.at(recipe).users; }

void recipe_book::drop(recipe_id recipe) {
  const auto found = entries_.find(recipe);
  if (found == entries_.end() || --found->second.users > 0) return;
  by_content_.erase(by_content_.find(*found->second.content));
  entries_.erase(found);
}

result<std::uint8_t> recipe_book::resource(const std::string& name) {
  const auto known = std::ranges::find(resources_, name);
  if (known != resources_.end()) return static_cast<std::uint8_t>(known - resources_.begin());
  if (resources_.size() >= named_resources_max)
    return fail(errc::busy, "resource " + name + ": " + std::to_string(named_resources_max) +
                                " others are known in this cluster already");
  resources_.push_back(name);
  return static_cast<std::uint8_t>(resources_.size() - 1);
}

domain_capacity recipe_book::capacity_of(const control::domain_offer& offer) {
  domain_capacity out{offer.cpu_milli, offer.memory_bytes, {}, offer.credit};
  for (const auto& one : offer.resources)
    if (const auto number = resource(one.name)) out.resources[*number] = one.count;
  return out;
}

result<task_needs> recipe_book::needs_of(const attempt_needs& needs) {
  task_needs out{.cpu_milli = needs.cpu_milli, .memory_bytes = needs.memory_bytes};
  std::map<std::uint8_t, std::uint32_t> counts;
  for (const auto& one : needs.resources) {
    if (one.count == 0) continue;
    GRAPHITE_TRY(const auto number, resource(one.name));
    if (!counts.emplace(number, one.count).second)
      return fail(errc::invalid_argument, "resource " + one.name + ": it is named twice");
  }
  if (counts.size() > named_needs_max)
    return fail(errc::invalid_argument,
                "it needs more than " + std::to_string(named_needs_max) + " named resources");
  std::size_t at = 0;
  for (const auto& [number, count] : counts) out.resources[at++] = {number, count};
  return out;
}

std::vector<std::string> recipe_book::offers_of(const control::join& join) {
  std::vector<std::string> out;
  for (const auto& tool : join.tools) out.push_back(tool_name(tool));
  for (const auto& one : join.properties) out.push_back(property_name(one));
  return out;
}

}  // namespace graphite
