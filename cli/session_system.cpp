#include "cli/local_session_parts.hpp"

namespace graphite {

result<engine_options> local_session::parts::engine_for(const session_options& options) {
  engine_options out;
  out.hash = std::shared_ptr<const hasher>(&hash, [](const hasher*) {});
  out.jobs = cluster ? options.cluster_attempts_max : static_cast<std::uint32_t>(machine->jobs());
  out.environment = environment;
  out.tool_digests = inputs->digests();
  out.built_with = worker_libraries;
  if (options.all_or_nothing) out.mode = engine_options::publishing::all_or_nothing;
  out.keep_going = options.keep_going;
  out.dry = options.dry || options.on_demand;
  return out;
}

/// Its key was made from tools that are others now: what they would make, or have made, is not the key's.
attempt_result local_session::parts::outdated(const attempt_spec& spec) {
  attempt_result out;
  out.action = spec.action;
  out.attempt = spec.attempt;
  // A service starts again and then has other keys; a build has nothing to wait for.
  out.status = events ? attempt_status::refused : attempt_status::failed;
  out.message =
      spec.main_input.str() + ": a tool of rule " + spec.rule + " changed while the build ran: build again";
  if (events) inputs->outdated();
  return out;
}

attempt_result local_session::parts::run(const attempt_spec& spec, const cancel_token& cancel) {
  const std::vector<std::string> none;
  const auto& tools = spec.command ? spec.command->tools : none;
  const auto before = inputs->as_found(tools);
  if (!before) return outdated(spec);
  auto full = spec;
  full.tools = inputs->programs();
  full.tool_files = before->paths();
  const auto ended = ending.on_cancel([own = cancel]() mutable { own.cancel(); });
  // No sync of its own: the generation that shows the outputs makes them durable with its rows, and a cached
  // result whose outputs a power cut took is no result
  // (docs/decisions/0004-outputs-are-synced-when-shown.md).
  attempt_result done = runner->run(full, cancel);
  action_cpu_ns += done.cpu.count();
  if (inputs->as_found(tools) != before) return outdated(spec);
  return done;
}

watcher_hooks local_session::parts::watching(const session_options& options) {
  watcher_hooks out;
  out.survey = [this](const std::string& folder, const guarded_sources& known) {
    return surveyor->survey(folder, known);
  };
  out.refresh = [this](const std::string& folder) {
    surveyor->forget();
    if (events && !folder.empty()) events->refresh(folder);
  };
  out.parallel = [width = machine ? machine->jobs() : 1](std::size_t count,
                                                         const std::function<void(std::size_t)>& job) {
    const unbound_thread everywhere;  // theirs are no domain's
    fresh_threads(std::max<std::size_t>(width, 1)).for_each(count, job);
  };
  out.scan = [this](const rule_spec& rule, const logical_path& path) {
    return scanners.for_source(rule, path);
  };
  out.on_progress = options.on_ingest;
  if (!options.watch) return out;
  out.is_input = [this](std::string_view path) { return inputs->below_root().contains(path); };
  out.outdated = [this] { return inputs->outdated(); };
  return out;
}

system_ports local_session::parts::ports_for(const session_options& options) {
  system_ports out;
  out.config = config;
  out.rows = rows.get();
  out.contents = contents.get();
  out.hash = &hash;
  out.clock = &clock;
  out.random = &random;
  out.log = &log;
  out.files = files.get();
  out.ingest = ingest.get();
  out.filter = filter.get();
  out.events = events.get();
  out.publisher = ports ? &ports->heads() : nullptr;
  out.published = published.get();
  out.signer = signer();
  if (ports) out.peers = [this] { return ports->port().peers(); };
  if (machine) {
    out.build_pool = &machine->pool();
    if (cluster) out.cluster = &cluster->extension();
    out.on_thread = machine->thread_start();
    out.machine = [this] { return sandbox ? sandbox->told(machine->status()) : machine->status(); };
  }
  for (const auto& [name, archive] : archives) out.archives[name] = archive.get();
  out.boot = boot_id();
  out.watching = watching(options);
  out.run_attempt = [this](const attempt_spec& spec, const cancel_token& cancel) {
    return run(spec, cancel);
  };
  out.on_fatal = failed_sync();
  out.on_demand = options.on_demand;
  out.building.losses = [this] {
    contents->look_for_losses();
    const auto now = contents->losses();
    return now != std::exchange(losses_seen, now);
  };
  out.building.on_diagnostic = options.on_diagnostic;
  out.on_generation = [this, tell = options.on_generation](const head& now, const asset_changes& changes,
                                                           const stage_times& times) {
    if (garbage) garbage->generation(now.assets);
    if (audit) audit->record(published_entry(now));
    tell(now, changes, times);
  };
  out.building.on_rest = [this](const std::function<std::vector<digest>()>& held) {
    if (garbage) garbage->at_rest(held);
  };
  out.collect = [this](gc_request request, reply<gc_report> done) {
    if (!garbage) return done(fail(errc::unsupported, "nothing is collected here"));
    garbage->ask(request, std::move(done));
  };
  out.building.on_idle = options.on_idle;
  out.building.on_running = options.on_running;
  return out;
}

}  // namespace graphite
