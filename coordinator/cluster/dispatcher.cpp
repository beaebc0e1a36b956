#include "coordinator/cluster/dispatcher.hpp"

#include <algorithm>

#include "coordinator/cluster/dispatcher_state.hpp"

namespace graphite {

using impl = dispatcher_impl;

dispatcher_impl::dispatcher_impl(const dispatcher_options& given, std::shared_ptr<const hasher> with)
    : options(given),
      hash(std::move(with)),
      schedule(given.schedule),
      recipes(given.recipes_max),
      commits({given.commit_results_max, given.commits_max, given.commit_again, given.commit_again_max}) {
  GRAPHITE_INVARIANT(hash && given.commit_results_max > 0 && given.commits_max > 0 &&
                     given.session_recipes_max > 0 &&
                     given.session_recipes_max <= control_limits::recipes_max &&
                     given.message_bytes <= control_limits::message_bytes_max / 2);
}

dispatcher::dispatcher(const dispatcher_options& options, std::shared_ptr<const hasher> hash)
    : impl_(std::make_unique<impl>(options, std::move(hash))) {}
dispatcher::~dispatcher() = default;
dispatcher::dispatcher(dispatcher&&) noexcept = default;
dispatcher& dispatcher::operator=(dispatcher&&) noexcept = default;

result<tenant_index> dispatcher::tenant(const std::string& name, const scheduler::tenant_limits& limits) {
  const auto known = impl_->tenants.find(name);
  if (known != impl_->tenants.end()) {
    GRAPHITE_CHECK(impl_->schedule.set_tenant(known->second, limits));
    return known->second;
  }
  GRAPHITE_TRY(const auto made, impl_->schedule.add_tenant(limits));
  GRAPHITE_INVARIANT(made == impl_->tenant_names.size());
  impl_->tenants.emplace(name, made);
  impl_->tenant_names.push_back(name);
  return made;
}

result<job_index> dispatcher::open_job(tenant_index tenant) {
  GRAPHITE_TRY(const auto made, impl_->schedule.open_job(tenant));
  if (made >= impl_->jobs.size()) impl_->jobs.resize(made + 1);
  impl_->jobs[made] = tenant;
  return made;
}

result<void> dispatcher::close_job(job_index job) {
  cancel_job(job);
  GRAPHITE_CHECK(impl_->schedule.close_job(job));
  impl_->jobs[job].reset();
  return {};
}

result<recipe_id> dispatcher::add_recipe(const control::recipe& what, const std::optional<rule_pool>& pool,
                                         const std::vector<control::property>& platform) {
  return impl_->recipes.add(what, pool, platform, impl_->schedule);
}

void dispatcher::drop_recipe(recipe_id recipe) { impl_->recipes.drop(recipe); }

result<void> dispatcher::forgive(tenant_index tenant, const digest& key) {
  GRAPHITE_CHECK(impl_->schedule.forgive(tenant, key));
  impl_->remember_due = true;
  return {};
}

cluster_record dispatcher::remember() const {
  const auto memory = impl_->schedule.remember();
  cluster_record out;
  out.nodes = memory.nodes;
  for (const auto& one : memory.poison)
    out.poison.push_back({impl_->tenant_names[one.tenant], one.key, one.reason});
  return out;
}

void dispatcher::recall(const cluster_record& what, time_point now) {
  impl_->advance(now);
  cluster_memory memory;
  memory.nodes = what.nodes;
  for (const auto& one : what.poison)
    if (const auto of = tenant(one.tenant, {})) memory.poison.push_back({*of, one.key, one.reason});
  impl_->schedule.recall(memory, impl_->now);
}

std::vector<learned_rules::row> impl::changed_rules() {
  auto& rules = schedule.rules();
  std::vector<learned_rules::row> out;
  for (const auto rule : rules.take_changed()) out.push_back(rules.row_of(rule));
  return out;
}

void dispatcher::restore(const learned_rules::row& rule) { impl_->schedule.rules().restore(rule); }

dispatcher::learned dispatcher::learned_of(std::uint64_t rule_number) {
  auto& rules = impl_->schedule.rules();
  const auto rule = rules.intern(rule_number);
  return {rules.memory_bytes(rule), rules.cpu_milli(rule)};
}

void dispatcher_impl::tell_work(dispatch_status& told, time_point at) const {
  for (const auto& record : records) {
    if (told.running.size() >= dispatch_status::running_max) break;
    if (record.task == task_id{}) continue;
    for (const auto& attempt : record.attempts) {
      if (attempt.number == 0 || told.running.size() >= dispatch_status::running_max) continue;
      const auto its = sessions.find(attempt.session);
      const auto* recipe = record.what ? recipes.find(record.what->recipe) : nullptr;
      told.running.push_back({record.what, recipe == nullptr ? nullptr : recipe->rule,
                              its == sessions.end() ? "" : its->second.name,
                              std::max(at - attempt.at, duration{}),
                              attempt.reason != schedule_commands::assign::why::first});
    }
  }
  for (const auto& one : told.schedule.misfits) {
    const auto* record = find(one.first);
    const auto* recipe = record != nullptr && record->what ? recipes.find(record->what->recipe) : nullptr;
    if (recipe != nullptr) told.misfits.push_back({recipe->what, recipe->platform, one.count});
  }
}

dispatch_status dispatcher::status(time_point now) const {
  dispatch_status out;
  out.schedule = impl_->schedule.status(now);
  out.copies = impl_->copies;
  out.stores = static_cast<std::uint32_t>(impl_->stores.size());
  impl_->tell_work(out, now);
  out.uncommitted = impl_->commits.size();
  out.commit_trouble = impl_->commits.trouble();
  for (const auto& known : impl_->schedule.leases().list()) {
    dispatch_status::node_status node;
    node.name = known.name;
    node.how = known.how;
    const auto its = impl_->sessions.find(known.session);
    if (its != impl_->sessions.end()) {
      const auto& session = its->second;
      node.offer = session.offer;
      node.domains = session.domains;
      node.leaving = session.leaving;
      node.unheard = std::max(now - known.heard, duration{});
      node.unacknowledged = session.results.open();
    }
    out.nodes.push_back(std::move(node));
  }
  std::ranges::sort(out.nodes, {}, &dispatch_status::node_status::name);
  return out;
}

dispatch_counts dispatcher::count() const {
  return {impl_->links.size(),   impl_->sessions.size(), impl_->record_count,
          impl_->recipes.size(), impl_->commits.size(),  impl_->held.size()};
}

}  // namespace graphite
