#include "cli/local_session_parts.hpp"

namespace graphite {

namespace {

[[noreturn]] void end_process(const error& failure) {
  std::fprintf(stderr, "graphite: a sync failed, so nothing later could be trusted: %s\n",
               failure.context.c_str());
  std::_Exit(1);
}

}  // namespace

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
  if (!options.all_or_nothing && !options.on_demand && !options.cluster)
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

result<void> local_session::parts::open_cluster(const session_options& options) {
  if (!options.cluster) return {};
  auto tools = transform_tools(worker_libraries, hash);
  tools.insert(inputs->digests().begin(), inputs->digests().end());
  GRAPHITE_TRY(
      cluster,
      options.cluster({*contents, *rows, *files, std::shared_ptr<const hasher>(&hash, [](const hasher*) {}),
                       clock, log, std::move(tools), folders(),
                       [this](const digest& content) { return contents->forget(content); }}));
  return {};
}

result<void> local_session::parts::keys_changed() {
  audit->record(keys_entry(*keys->now()));
  const auto renewed = ports->renew(*keys->now());  // whatever becomes of signing
  GRAPHITE_CHECK(published->sign_again());
  return renewed;
}

local_session::local_session(std::unique_ptr<parts> parts) : parts_(std::move(parts)) {}
local_session::~local_session() = default;

result<std::unique_ptr<local_session>> local_session::open(const session_options& options, log_sink& log) {
  auto self = std::make_unique<parts>(log, options.on_failed_sync ? options.on_failed_sync : end_process);
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
  GRAPHITE_CHECK(self->open_cluster(options));
  GRAPHITE_TRY(auto engine, self->engine_for(options));
  if (options.watch) self->garbage = self->make_collector();
  GRAPHITE_TRY(self->system, local_system::start(self->ports_for(options), std::move(engine)));
  self->watch_project_file();
  if (self->keys && self->ports) self->keys->watch([&all = *self] { return all.keys_changed(); });
  return std::unique_ptr<local_session>(new local_session(std::move(self)));
}

result<std::unique_ptr<local_session>> local_session::open_idle(const session_options& options,
                                                                log_sink& log) {
  auto self = std::make_unique<parts>(log, options.on_failed_sync ? options.on_failed_sync : end_process);
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
std::string local_session::control_address() const {
  return parts_->cluster ? parts_->cluster->address() : "";
}
cluster_desk* local_session::cluster() { return parts_->cluster ? &parts_->cluster->desk() : nullptr; }
job_services local_session::jobs() { return parts_->cluster ? parts_->cluster->jobs() : job_services(); }
std::vector<store_report> local_session::stores() const {
  return parts_->cluster ? parts_->cluster->stores() : std::vector<store_report>();
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
