#include "cli/local_session.hpp"

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "actors/live_filter.hpp"
#include "cli/archive_adapter.hpp"
#include "cli/collector.hpp"
#include "cli/config/project_file.hpp"
#include "cli/domain_workers.hpp"
#include "cli/loss_repair.hpp"
#include "cli/scanner_set.hpp"
#include "cli/session_audit.hpp"
#include "cli/session_inputs.hpp"
#include "cli/session_keys.hpp"
#include "cli/session_machine.hpp"
#include "cli/session_sandbox.hpp"
#include "cli/tree_surveyor.hpp"
#include "cli/worker_libraries.hpp"
#include "cli/worker_program.hpp"
#include "node/attempt.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/clock.hpp"
#include "platform/linux/cpu_set.hpp"
#include "platform/linux/fresh_threads.hpp"
#include "platform/linux/inotify_watcher.hpp"
#include "platform/linux/memory_scratch.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/linux/process_runner.hpp"
#include "platform/linux/scratch_space.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/linux/tool_resolver.hpp"
#include "platform/linux/tool_workers.hpp"
#include "platform/rocksdb/rocks_store.hpp"
#include "platform/store/segment_store.hpp"
#include "schemas/codec/tool_messages.hpp"
#include "transforms/command.hpp"

namespace graphite {

namespace {

[[noreturn]] void end_process(const error& failure) {
  std::fprintf(stderr, "graphite: a sync failed, so nothing later could be trusted: %s\n",
               failure.context.c_str());
  std::_Exit(1);
}

}  // namespace

struct local_session::parts {
  parts(log_sink& l, std::function<void(const error&)> tell)
      : log(l), on_failed_sync(tell ? std::move(tell) : end_process) {}

  log_sink& log;
  std::shared_ptr<const project> config;
  std::string project_file;  ///< absolute
  openssl_hasher hash;
  system_clock_source clock;
  system_random_source random;
  std::map<std::string, std::string> environment = caller_environment();
  command_transform transform;
  scanner_set scanners;
  std::atomic<std::int64_t> action_cpu_ns = 0;
  cancel_token ending;            ///< of all attempts
  std::uint64_t losses_seen = 0;  ///< by the graph actor
  std::function<void(std::uint64_t, std::uint64_t, const std::string&)> gc_progress = [](auto, auto,
                                                                                         const auto&) {};
  std::function<void(const error&)> on_failed_sync;
  std::atomic<bool> sync_failed = false;
  std::atomic<rocks_store*> refuse_rows = nullptr;  ///< `rows`, once it is open

  std::unique_ptr<linux_process_runner> processes;  // first: its warden is forked while the process is small
  std::unique_ptr<session_inputs> inputs;
  std::unique_ptr<rocks_store> rows;
  std::unique_ptr<segment_store> contents;
  std::unique_ptr<posix_file_reader> files;
  std::unique_ptr<live_filter> filter;
  std::unique_ptr<tree_surveyor> surveyor;
  std::unique_ptr<ingester> ingest;
  std::unique_ptr<scratch_space> scratch;
  std::future<result<transform_libraries>> asked_libraries;
  transform_libraries worker_libraries;      ///< that keys are made from
  std::unique_ptr<session_machine> machine;  ///< its threads end before all else
  std::unique_ptr<session_sandbox> sandbox;
  std::unique_ptr<tool_workers> tools;
  std::unique_ptr<domain_workers> workers;
  std::unique_ptr<attempt_runner> runner;
  std::unique_ptr<session_keys> keys;  ///< null: nothing is signed
  std::unique_ptr<audit_sink> audit;   ///< null: nothing is served or signed
  std::map<std::string, std::unique_ptr<kept_archive>> archives;
  std::unique_ptr<published_state> published;
  std::unique_ptr<inotify_watcher> events;
  std::unique_ptr<inotify_watcher> project_events;  ///< of the project file, where it is outside the root
  std::unique_ptr<served_ports> ports;
  std::unique_ptr<collector> garbage;    // the actors report to it; its thread is stopped before they end
  std::unique_ptr<local_system> system;  // last: everything above outlives it

  ~parts() {
    ending.cancel();
    if (keys) keys->stop();
    if (project_events) project_events->stop();
    if (events) events->stop();
    if (garbage) garbage->stop();
    if (machine) machine->pool().stop();
  }

  std::function<void(const error&)> failed_sync();
  result<void> open_state();
  result<void> open_sources(const session_options& options);
  result<void> open_builder(const session_options& options);
  result<void> open_scratch(bool in_memory);
  result<void> open_ports(const session_options& options);
  result<void> keys_changed();
  chunk_service_sources chunk_sources();
  result<engine_options> engine_for(const session_options& options);
  system_ports ports_for(const session_options& options);
  attempt_result run(const attempt_spec& spec, const cancel_token& cancel);
  attempt_result outdated(const attempt_spec& spec);
  result<void> open_project(const session_options& options);
  result<void> open_audit(const session_options& options);
  const head_signer* signer() const { return keys ? &keys->signer() : nullptr; }
  std::unique_ptr<tool_resolver> make_resolver(const std::string& root);
  void watch_project_file();
  std::unique_ptr<collector> make_collector();
  std::vector<kept_archive*> folders() const;
};

std::vector<kept_archive*> local_session::parts::folders() const {
  std::vector<kept_archive*> out;
  for (const auto& [name, archive] : archives) out.push_back(archive.get());
  return out;
}

/// In `dev` made before the actors, which report to it; it asks them only once they rest.
std::unique_ptr<collector> local_session::parts::make_collector() {
  return std::make_unique<collector>(
      collector::ports{*contents, *rows, folders(), [this] { return system && system->drain(seconds(10)); },
                       [this] {
                         if (system) system->pages_moved();
                       },
                       [this] {
                         if (system) system->look_for_rest();
                       },
                       clock, log, gc_progress},
      collector_options{.cache = {config->cache_bytes_max, config->cache_days_max}});
}

std::unique_ptr<tool_resolver> local_session::parts::make_resolver(const std::string& root) {
  const auto path = environment.find("PATH");
  return std::make_unique<linux_tool_resolver>(
      tool_resolver_options{.root = root, .path = path == environment.end() ? "" : path->second}, hash,
      *processes);
}

result<void> local_session::parts::open_project(const session_options& options) {
  processes = std::make_unique<linux_process_runner>();
  GRAPHITE_TRY(const auto file, find_project_file(options.directory));
  inputs = std::make_unique<session_inputs>(file, make_resolver("/"), options.on_outdated);
  GRAPHITE_TRY(auto loaded, load_project({file, options.state}));
  config = std::make_shared<const project>(std::move(loaded));
  inputs->find_tools(*config, make_resolver(config->root), log);
  project_file = file;
  return {};
}

result<void> local_session::parts::open_audit(const session_options& options) {
  if (!options.serve && !keys) return {};
  GRAPHITE_TRY(audit, open_audit_file({audit_folder(config->state)}, hash, clock, log));
  return {};
}

/// What lies below the root is watched with it.
void local_session::parts::watch_project_file() {
  if (!events || project_file.starts_with(config->root + "/")) return;
  inotify_watcher_options watch;
  watch.root = std::filesystem::path(project_file).parent_path().string();
  watch.cookie_folder = config->state + "/cookies";
  watch.recursive = false;
  watch.poll = config->watch.poll;
  project_events = std::make_unique<inotify_watcher>(std::move(watch));
  const auto name = std::filesystem::path(project_file).filename().string();
  const auto started = project_events->start([this, name](const std::vector<fs_event>& seen) {
    system->inputs_changed(seen, [&](std::string_view path) { return path == name; });
  });
  if (!started) log.warn("changes of {} are not noticed: {}", project_file, started.error().context);
}

std::function<void(const error&)> local_session::parts::failed_sync() {
  return [this](const error& why) {
    if (sync_failed.exchange(true)) return;
    if (auto* const opened = refuse_rows.load()) opened->refuse_writes();
    on_failed_sync(why);
  };
}

result<void> local_session::parts::open_state() {
  const auto& state = config->state;
  std::error_code code;
  std::filesystem::create_directories(state, code);
  if (code) return fail_errno(code.value(), "cannot make the state folder " + state);
  GRAPHITE_TRY(rows, rocks_store::open({.folder = state + "/db", .on_failed_sync = failed_sync()}, log));
  refuse_rows = rows.get();
  segment_store_options store;
  store.folder = state + "/segments";
  store.on_failed_sync = failed_sync();
  for (const auto& channel : config->channels)
    store.spare_folders.push_back(state + "/bundles/" + channel.name);
  GRAPHITE_TRY(contents, segment_store::open(store, *rows, hash, log));
  for (const auto& channel : config->channels) {
    GRAPHITE_TRY(auto archive,
                 open_archive({state + "/bundles/" + channel.name, store.folder, failed_sync(), signer()},
                              *contents, hash, log));
    archives.emplace(channel.name, std::move(archive));
  }
  for (const auto& lost : contents->lost())
    log.warn("segment {} is lost: {}; what it held is made again", lost.id.value, lost.why.context);
  return {};
}

result<void> local_session::parts::open_sources(const session_options& options) {
  GRAPHITE_TRY(files, posix_file_reader::open_root(config->root));
  filter = std::make_unique<live_filter>(config, *files);
  surveyor = std::make_unique<tree_surveyor>(config->root, *filter);
  ingest = std::make_unique<ingester>(*files, *contents, hash);
  GRAPHITE_TRY(scanners, scanner_set::make(*config));
  if (!options.watch) return surveyor->list_ahead(), result<void>{};
  inotify_watcher_options watch;
  watch.root = config->root;
  watch.cookie_folder = config->state + "/cookies";
  watch.prune = [this](std::string_view folder) { return filter->prunes(folder); };
  watch.poll = config->watch.poll;
  for (const auto& file : inputs->below_root()) watch.lone_files.push_back(file);
  events = std::make_unique<inotify_watcher>(std::move(watch));
  return {};
}

result<void> local_session::parts::open_builder(const session_options& options) {
  attempt_options attempts;
  attempts.view_folder = config->root;
  if (!options.all_or_nothing && !options.on_demand)
    attempts.hold_bytes_max = inline_bytes_max;  // they ride in the next record

  GRAPHITE_CHECK(open_scratch(options.scratch_in_memory));
  GRAPHITE_TRY(sandbox, open_session_sandbox(*processes, *config, options.sandbox, log));
  tools = std::make_unique<tool_workers>(
      *sandbox, tool_workers_options{.encode = [](const tool_work& work) { return encode(work); },
                                     .decode = decode_tool_answer});
  const auto names = built_in_names(*config);
  GRAPHITE_TRY(worker_libraries, asked_libraries.get());
  workers = std::make_unique<domain_workers>(
      worker_pool_options{.program = worker_program(),
                          .environment = worker_environment(environment),
                          .arguments = server_arguments(worker_libraries, names),
                          .threads = std::min(static_cast<std::uint32_t>(machine->jobs()),
                                              std::thread::hardware_concurrency()),
                          .on_unbound = machine->on_unbound()},
      machine->pool(), machine->affinity());
  runner = std::make_unique<attempt_runner>(
      attempt_runner::ports{*files, *contents, hash, *tools, *scratch, transform, *workers}, attempts);
  if (!names.empty()) workers->warm_up(log);
  return {};
}

result<void> local_session::parts::open_scratch(bool in_memory) {
  GRAPHITE_TRY(scratch, disk_scratch_space::make(config->state + "/scratch"));
  if (!in_memory) return {};
  memory_scratch_options where;
  where.owner = config->state;
  auto made = memory_scratch_space::make(std::move(where), scratch);
  if (made)
    scratch = std::move(*made);
  else
    log.info("scratch folders are on the disk: {}", made.error().context);
  return {};
}

chunk_service_sources local_session::parts::chunk_sources() {
  chunk_service_sources out;
  out.store = contents.get();
  out.hash = &hash;
  out.page = [this](std::string_view channel, const digest& page) {
    return published->kept().page(channel, page);
  };
  out.head = [this](std::string_view channel) { return published->current(channel); };
  if (keys) out.revocations = keys->revocations();
  return out;
}

result<void> local_session::parts::open_ports(const session_options& options) {
  published = std::make_unique<published_state>(incarnation_id{make_uuid(random)}, hash, signer());
  if (!options.serve) return {};
  GRAPHITE_TRY(const auto how, secured(options.ports, keys ? keys->now() : nullptr));
  GRAPHITE_TRY(ports, served_ports::open(how, chunk_sources(), published->kept(), clock, log));
  GRAPHITE_TRY(const auto address, parse_host_port(ports->chunks().address()));
  published->serve_chunks_on(address.port);
  return {};
}

result<void> local_session::parts::keys_changed() {
  audit->record(keys_entry(*keys->now()));
  const auto renewed = ports->renew(*keys->now());  // whatever becomes of signing
  GRAPHITE_CHECK(published->sign_again());
  return renewed;
}

result<engine_options> local_session::parts::engine_for(const session_options& options) {
  engine_options out;
  out.hash = std::shared_ptr<const hasher>(&hash, [](const hasher*) {});
  out.jobs = static_cast<std::uint32_t>(machine->jobs());
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
    out.on_thread = machine->thread_start();
    out.machine = [this] { return sandbox ? sandbox->told(machine->status()) : machine->status(); };
  }
  for (const auto& [name, archive] : archives) out.archives[name] = archive.get();
  out.boot = boot_id();
  out.watching.survey = [this](const std::string& folder, const guarded_sources& known) {
    return surveyor->survey(folder, known);
  };
  out.watching.refresh = [this](const std::string& folder) {
    surveyor->forget();
    if (events && !folder.empty()) events->refresh(folder);
  };
  out.watching.parallel = [width = machine ? machine->jobs() : 1](
                              std::size_t count, const std::function<void(std::size_t)>& job) {
    const unbound_thread everywhere;  // theirs are no domain's
    fresh_threads(std::max<std::size_t>(width, 1)).for_each(count, job);
  };
  out.watching.scan = [this](const rule_spec& rule, const logical_path& path) {
    return scanners.for_source(rule, path);
  };
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
  out.watching.on_progress = options.on_ingest;
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
  if (options.watch) {
    out.watching.is_input = [this](std::string_view path) { return inputs->below_root().contains(path); };
    out.watching.outdated = [this] { return inputs->outdated(); };
  }
  out.building.on_idle = options.on_idle;
  out.building.on_running = options.on_running;
  return out;
}

local_session::local_session(std::unique_ptr<parts> parts) : parts_(std::move(parts)) {}
local_session::~local_session() = default;

result<std::unique_ptr<local_session>> local_session::open(const session_options& options, log_sink& log) {
  auto self = std::make_unique<parts>(log, options.on_failed_sync);
  GRAPHITE_CHECK(self->open_project(options));
  GRAPHITE_TRY(self->keys, session_keys::load(options.keys, *self->config, self->clock, log));
  // While the stores are opened.
  self->asked_libraries = std::async(std::launch::async, [&parts = *self] {
    name_thread("ask-libraries");
    return libraries_for(*parts.config, *parts.processes, parts.environment, parts.ending);
  });
  GRAPHITE_CHECK(self->open_state());
  GRAPHITE_CHECK(self->open_audit(options));
  GRAPHITE_CHECK(self->open_sources(options));
  GRAPHITE_TRY(self->machine,
               session_machine::open(
                   {options.pin, options.jobs != 0 ? options.jobs : self->config->jobs, options.serve}, log));
  GRAPHITE_CHECK(self->open_builder(options));
  GRAPHITE_CHECK(self->open_ports(options));
  GRAPHITE_TRY(auto engine, self->engine_for(options));
  if (options.watch) self->garbage = self->make_collector();
  GRAPHITE_TRY(self->system, local_system::start(self->ports_for(options), std::move(engine)));
  self->watch_project_file();
  if (self->keys && self->ports) self->keys->watch([&all = *self] { return all.keys_changed(); });
  return std::unique_ptr<local_session>(new local_session(std::move(self)));
}

result<std::unique_ptr<local_session>> local_session::open_idle(const session_options& options,
                                                                log_sink& log) {
  auto self = std::make_unique<parts>(log, options.on_failed_sync);
  GRAPHITE_TRY(auto config, load_project({options.directory, options.state}));
  self->config = std::make_shared<const project>(std::move(config));
  self->gc_progress = options.on_collection;
  GRAPHITE_CHECK(self->open_state());
  GRAPHITE_CHECK(self->open_ports({}));
  self->garbage = self->make_collector();
  GRAPHITE_TRY(self->system, local_system::start_idle(self->ports_for(options)));
  return std::unique_ptr<local_session>(new local_session(std::move(self)));
}

service_facade& local_session::facade() { return *parts_->system; }
local_system& local_session::system() { return *parts_->system; }
audit_sink* local_session::audit() { return parts_->audit.get(); }
session_keys* local_session::keys() { return parts_->keys.get(); }
const project& local_session::config() const { return *parts_->config; }
std::string local_session::heads_address() const {
  return parts_->ports ? parts_->ports->heads().address() : "";
}
std::string local_session::chunks_address() const {
  return parts_->ports ? parts_->ports->chunks().address() : "";
}
std::size_t local_session::subscribers() const {
  return parts_->ports ? parts_->ports->port().peers().size() : 0;
}
std::string local_session::bundle() const { return parts_->archives.begin()->second->folder(); }
result<void> local_session::repair_losses() {
  GRAPHITE_TRY(const auto missing, graphite::repair_losses(*parts_->contents, parts_->folders()));
  if (!missing.empty()) parts_->log.error("the bytes of {} are lost and could not be made again", missing);
  return {};
}
void local_session::collect_if_due() {
  const auto once = parts_->make_collector();
  once->at_rest([] { return std::vector<digest>(); });  // all is shown
  once->wait();
}
void local_session::cancel_attempts() { parts_->ending.cancel(); }
void local_session::go_on() { parts_->inputs->go_on(); }
duration local_session::action_cpu() const { return duration(parts_->action_cpu_ns.load()); }

}  // namespace graphite
