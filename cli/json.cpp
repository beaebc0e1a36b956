#include "cli/json.hpp"

namespace graphite {

namespace {

std::string_view name_of(diagnostic_line::level level) {
  switch (level) {
    case diagnostic_line::level::info:
      return "info";
    case diagnostic_line::level::warning:
      return "warning";
    case diagnostic_line::level::error:
      return "error";
  }
  return "error";
}

json_object head_or_null(const std::optional<head>& value) {
  return value ? to_json(*value) : json_object(nullptr);
}

json_object lists_of(const service_status& value, json_object out) {
  out["running"] = json_object::array();
  for (const auto& one : value.running)
    out["running"].push_back({{"rule", one.rule}, {"path", one.path}, {"seconds", one.seconds}});
  out["failed"] = json_object::array();
  for (const auto& one : value.failed)
    out["failed"].push_back({{"path", one.path}, {"message", one.message}});
  out["channels"] = json_object::array();
  for (const auto& one : value.channels)
    out["channels"].push_back({{"name", one.name},
                               {"newest", head_or_null(one.newest)},
                               {"behind", one.behind},
                               {"subscribers", one.subscribers}});
  out["subscribers"] = json_object::array();
  for (const auto& one : value.subscribers)
    out["subscribers"].push_back({{"name", one.name},
                                  {"channel", one.channel},
                                  {"epoch", one.epoch},
                                  {"sequence", one.sequence},
                                  {"seconds_ago", one.seconds_ago}});
  return out;
}

}  // namespace

json_object to_json(const head& value) {
  return {{"channel", value.channel},         {"lineage", to_string(value.lineage.value)},
          {"epoch", value.epoch.value},       {"sequence", value.sequence.value},
          {"root", to_hex(value.root)},       {"assets", value.assets},
          {"revision", value.revision.value}, {"published_unix_ns", value.published_unix_ns}};
}

json_object to_json(const build_summary& value, bool dry_run) {
  json_object diagnostics = json_object::array();
  for (const auto& line : value.diagnostics)
    diagnostics.push_back({{"severity", name_of(line.severity)}, {"path", line.path}, {"text", line.text}});
  json_object out{
      {"event", "build"},         {"dry_run", dry_run},     {"generation", head_or_null(value.generation)},
      {"assets", value.assets},   {"ran", value.ran},       {"cached", value.cached},
      {"failed", value.failed},   {"behind", value.behind}, {"changed_sources", value.changed_sources},
      {"seconds", value.seconds}, {"bundle", value.bundle}, {"diagnostics", std::move(diagnostics)}};
  if (value.action_cpu_seconds > 0) out["action_cpu_seconds"] = value.action_cpu_seconds;
  return out;
}

static json_object to_json(const machine_status& value) {
  json_object domains = json_object::array();
  for (const auto& one : value.domains)
    domains.push_back({{"node", one.node}, {"cpus", one.cpus}, {"threads", one.threads}});
  return {{"domains", std::move(domains)},
          {"pinned", value.pinned},
          {"pin_reason", value.pin_reason},
          {"placement_reason", value.placement_reason},
          {"io", value.io_adapter},
          {"io_reason", value.io_reason},
          {"remote_access", value.remote_access ? json_object(*value.remote_access) : json_object(nullptr)},
          {"remote_source", value.remote_source},
          {"remote_reason", value.remote_reason},
          {"sandbox_mode", value.sandbox_mode},
          {"sandbox", value.sandbox},
          {"sandbox_reason", value.sandbox_reason}};
}

json_object to_json(const service_status& value) {
  return lists_of(value, {{"event", "status"},
                          {"project", value.project},
                          {"root", value.root},
                          {"state", value.state},
                          {"pid", value.pid},
                          {"uptime_seconds", value.uptime_seconds},
                          {"heads", value.heads_address},
                          {"chunks", value.chunks_address},
                          {"metrics", value.metrics_address},
                          {"watch_mode", value.watch_mode},
                          {"watch_reason", value.watch_reason},
                          {"watched_folders", value.watched_folders},
                          {"sources", value.sources},
                          {"assets", value.assets},
                          {"actions", value.actions},
                          {"stale", value.stale},
                          {"held", value.held},
                          {"failed_count", value.failed_count},
                          {"machine", to_json(value.machine)}});
}

json_object to_json(const cluster_node& value) {
  json_object domains = json_object::array();
  for (const auto& one : value.domains)
    domains.push_back({{"cpus", one.cpus},
                       {"cpu_milli", one.cpu_milli},
                       {"cpu_milli_used", one.cpu_milli_used},
                       {"memory_bytes", one.memory_bytes},
                       {"memory_bytes_used", one.memory_bytes_used},
                       {"running", one.running},
                       {"ahead", one.ahead},
                       {"resources", one.resources}});
  return {{"event", "node"},
          {"node", value.name},
          {"service", to_text(value.service)},
          {"here", value.here},
          {"leaving", value.leaving},
          {"store", value.store},
          {"chunks", value.chunks},
          {"unheard_seconds", value.unheard_seconds},
          {"unacknowledged", value.unacknowledged},
          {"domains", std::move(domains)}};
}

static json_object lists_of(const cluster_report& value) {
  json_object nodes = json_object::array(), classes = nodes, running = nodes, misfits = nodes;
  for (const auto& one : value.nodes) {
    auto node = to_json(one);
    node.erase("event");
    nodes.push_back(std::move(node));
  }
  for (const auto& one : value.classes)
    classes.push_back({{"class", one.name},
                       {"waiting", one.waiting},
                       {"running", one.running},
                       {"oldest_seconds", one.oldest_seconds}});
  for (const auto& one : value.running)
    running.push_back({{"rule", one.rule},
                       {"path", one.path},
                       {"node", one.node},
                       {"seconds", one.seconds},
                       {"second", one.second}});
  for (const auto& one : value.misfits)
    misfits.push_back({{"rule", one.rule}, {"needs", one.needs}, {"count", one.count}});
  return {{"nodes", std::move(nodes)},
          {"classes", std::move(classes)},
          {"running", std::move(running)},
          {"fit_no_node", std::move(misfits)}};
}

json_object to_json(const cluster_report& value) {
  json_object out{{"epoch", value.epoch},
                  {"in_grace", value.in_grace},
                  {"deposed", value.deposed},
                  {"copies", value.copies},
                  {"stores", value.stores},
                  {"tasks", value.tasks},
                  {"waiters", value.waiters},
                  {"delayed", value.delayed},
                  {"unplaceable", value.unplaceable},
                  {"hedged", value.hedged},
                  {"uncommitted", value.uncommitted},
                  {"commit_trouble", value.commit_trouble},
                  {"critical_seconds", value.critical_seconds},
                  {"work_seconds", value.work_seconds},
                  {"eta_seconds", value.eta_seconds()}};
  out.update(lists_of(value));
  return out;
}

json_object to_json(const why_answer& value) {
  json_object components = json_object::array();
  for (const auto& [name, text] : value.key_components)
    components.push_back({{"name", name}, {"value", text}});
  const auto side = [](const std::optional<std::string>& text) {
    return text ? json_object(*text) : json_object(nullptr);
  };
  json_object changed = json_object::array();
  for (const auto& one : value.changed)
    changed.push_back({{"name", one.name}, {"old", side(one.before)}, {"new", side(one.after)}});
  return {{"event", "why"},
          {"path", value.path},
          {"rule", value.rule},
          {"state", value.state},
          {"weak_key", value.weak_key},
          {"strong_key", value.strong_key},
          {"key_components", std::move(components)},
          {"reason", value.reason},
          {"changed", std::move(changed)},
          {"changed_left_out", value.changed_left_out},
          {"chain", value.chain},
          {"message", value.message},
          {"sandbox", value.sandbox}};
}

json_object to_json(const gc_report& value, bool dry_run) {
  return {{"event", "gc"},
          {"dry_run", dry_run},
          {"results", value.results},
          {"results_dropped", value.results_dropped},
          {"cache_bytes", value.cache_bytes},
          {"cache_bytes_dropped", value.cache_bytes_dropped},
          {"freed_bytes", value.freed_bytes},
          {"segments_removed", value.segments_removed},
          {"segment_bytes", value.segment_bytes},
          {"seconds", value.seconds}};
}

json_object to_json(const generation_diff& value) {
  return {{"event", "diff"}, {"added", value.added}, {"changed", value.changed}, {"removed", value.removed}};
}

}  // namespace graphite
