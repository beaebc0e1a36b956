#include "coordinator/cluster/status_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/did_you_mean.hpp"
#include "core/units.hpp"

namespace graphite {

namespace {

constexpr std::array<const char*, task_class_count> class_names{"interactive", "live",    "job-high",
                                                                "job",         "job-low", "background"};

double in_seconds(duration in) { return std::chrono::duration<double>(in).count(); }

void add(std::string& to, const std::string& what) { to += (to.empty() ? "" : ", ") + what; }

std::string resources_text(const std::vector<resource_amount>& all) {
  std::string out;
  for (const auto& one : all) add(out, fmt::format("{}={}", one.name, one.count));
  return out;
}

cluster_domain domain_of(const schedule_status::domain_status& now, const control::domain_offer* offer) {
  cluster_domain out;
  out.cpu_milli = now.cpu_milli;
  out.cpu_milli_used = now.cpu_milli_used;
  out.memory_bytes = now.memory_bytes;
  out.memory_bytes_used = now.memory_bytes_used;
  out.running = now.running;
  out.ahead = now.ahead;
  if (offer == nullptr) return out;
  out.cpus = offer->cpus;
  out.resources = resources_text(offer->resources);
  return out;
}

cluster_node node_report(const dispatch_status::node_status& now, const schedule_status& schedule) {
  cluster_node out;
  out.name = now.name;
  out.service = static_cast<node_service>(now.how);
  out.here = now.offer != nullptr;
  out.leaving = now.leaving;
  out.unheard_seconds = in_seconds(now.unheard);
  out.unacknowledged = now.unacknowledged;
  if (!now.offer) return out;
  out.store = now.offer->store;
  out.chunks = now.offer->chunks;
  for (std::size_t i = 0; i < now.domains.size(); ++i)
    for (const auto& domain : schedule.domains)
      if (domain.domain == now.domains[i])
        out.domains.push_back(
            domain_of(domain, i < now.offer->domains.size() ? &now.offer->domains[i] : nullptr));
  return out;
}

}  // namespace

static_assert(int(node_service::in) == int(lease_table::service::in) &&
              int(node_service::cordoned) == int(lease_table::service::cordoned) &&
              int(node_service::draining) == int(lease_table::service::draining));

std::string needs_text(const attempt_needs& needs) {
  std::string out;
  if (needs.cpu_milli != 1'000) add(out, fmt::format("{:g} CPU", needs.cpu_milli / 1'000.0));
  if (needs.memory_bytes > 0)
    add(out, fmt::format("{:.3g} GiB of memory", static_cast<double>(needs.memory_bytes) / GiB));
  if (!needs.resources.empty()) add(out, resources_text(needs.resources));
  return out.empty() ? "1 CPU" : out;
}

std::string needs_text(const control::recipe& recipe, const std::vector<control::property>& platform) {
  std::string out;
  if (recipe.needs != attempt_needs{}) add(out, needs_text(recipe.needs));
  for (const auto& tool : recipe.tools) add(out, "tool " + tool.name + " as the coordinator has it");
  for (const auto& one : platform) add(out, one.name + "=" + one.value);
  return out.empty() ? needs_text(recipe.needs) : out;
}

std::string unplaceable_text(const dispatch_commands::unplaceable& what) {
  if (what.alone)
    return "no node is here: actions wait (" + what.task->main_input.str() +
           " first) until one joins, with " + "`graphite node --coordinator HOST:PORT`";
  return fmt::format("actions of rule {} wait ({} first): {}", *what.rule, what.task->main_input.str(),
                     what.why);
}

cluster_report report_of(const dispatch_status& status, epoch_number epoch) {
  const auto& schedule = status.schedule;
  cluster_report out;
  out.epoch = epoch.value;
  out.in_grace = schedule.in_grace;
  out.deposed = schedule.deposed;
  out.copies = status.copies;
  out.stores = status.stores;
  for (const auto& node : status.nodes) out.nodes.push_back(node_report(node, schedule));
  for (std::size_t i = 0; i < task_class_count; ++i) {
    const auto& level = schedule.classes[i];
    out.classes.push_back({class_names[i], level.waiting, level.running, in_seconds(level.oldest)});
  }
  for (const auto& one : status.running)
    out.running.push_back({one.rule ? *one.rule : "", one.task ? one.task->main_input.str() : "", one.node,
                           in_seconds(one.since), one.second});
  for (const auto& one : status.misfits)
    out.misfits.push_back({one.recipe->rule, needs_text(*one.recipe, one.platform), one.count});
  out.tasks = schedule.tasks;
  out.waiters = schedule.waiters;
  out.delayed = schedule.delayed;
  out.unplaceable = schedule.unplaceable;
  out.hedged = schedule.hedged;
  out.uncommitted = status.uncommitted;
  out.commit_trouble = status.commit_trouble;
  out.critical_seconds = in_seconds(schedule.critical_bound);
  out.work_seconds = in_seconds(schedule.work_bound);
  return out;
}

const cluster_report& kept_report::get(const std::function<time_point()>& clock,
                                       const std::function<cluster_report()>& make) {
  constexpr int share = 200;
  const auto begun = clock();
  if (last_ && begun - made_ < share * took_) return *last_;
  last_ = make();
  made_ = clock();
  took_ = made_ - begun;
  return *last_;
}

result<cluster_node> node_of(const cluster_report& report, const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& node : report.nodes) {
    if (node.name == name) return node;
    names.push_back(node.name);
  }
  if (names.empty())
    return fail(errc::not_found, "no node " + name + ": none is here, and none is held back");
  return fail(errc::not_found, "no node " + name + ": " + did_you_mean(name, names));
}

}  // namespace graphite
