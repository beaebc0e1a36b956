#include "actors/system.hpp"

#include <atomic>
#include <future>

#include "actors/channel.hpp"
#include "actors/graph.hpp"
#include "actors/journal.hpp"
#include "actors/logger_guard.hpp"
#include "actors/rebuild.hpp"
#include "actors/surveyor.hpp"
#include "actors/system_config.hpp"
#include "actors/system_extension.hpp"
#include "actors/watcher.hpp"
#include "coordinator/action_key.hpp"

namespace graphite {

namespace {

struct caf_config : small_system_config {
  caf_config(std::function<void()> on_thread, system_extension* cluster)
      : small_system_config(std::move(on_thread)) {
    if (cluster != nullptr) ready = cluster->configure(*this);
  }

  result<void> ready;
};

bool stored(const chunk_store& contents, const cached_result& one) {
  return every_content(one, [&](const content_ref& content) {
    const auto found = contents.find(content.id);
    return found && *found;
  });
}

std::optional<std::string> usable_results(const chunk_store& contents, std::string row) {
  auto decoded = decode_cache_row(row);
  if (!decoded) return std::nullopt;
  const auto lost =
      std::erase_if(decoded->results, [&](const cached_result& one) { return !stored(contents, one); });
  if (decoded->results.empty()) return std::nullopt;
  return lost == 0 ? std::move(row) : encode(*decoded);
}

/// Answers when the bundle folders show what was published, too: one is where the answer sends its reader.
void answer_folded(caf::actor_system& system, const std::vector<channel_actor>& channels,
                   build_summary summary, const reply<build_summary>& done) {
  auto left = std::make_shared<std::size_t>(channels.size());
  auto out = std::make_shared<result<build_summary>>(std::move(summary));
  system.spawn([channels, left, out, done](caf::event_based_actor* self) {
    const auto one_less = [left, out, done] {
      if (--*left == 0) done(std::move(*out));
    };
    for (const auto& one : channels)
      self->request(one, caf::infinite, atom::fold_v)
          .then(
              [out, one_less](const outcome& how) {
                if (how.failure) *out = tl::unexpected<error>(*how.failure);
                one_less();
              },
              [out, one_less](const caf::error&) {
                *out = fail(errc::unavailable, "the service ended");
                one_less();
              });
  });
}

}  // namespace

struct local_system::impl {
  explicit impl(system_ports p)
      : ports(std::move(p)), config(ports.on_thread, ports.cluster), system(config) {}
  ~impl() { end(); }

  system_ports ports;
  std::atomic<bool> fatal = false;  ///< nothing more can be written
  caf_config config;
  caf::actor_system system;
  watcher_actor watch;
  surveyor_actor looks;
  graph_actor graph;
  rebuild_actor domain;
  journal_actor journal_writer;
  fold_actor folder;
  std::vector<channel_actor> channels;
  std::shared_ptr<const head> newest;  ///< of the first channel, as it was restored
  bool shown_behind = false;           ///< a channel's newest generation says that something is behind
  std::string published;               ///< newest_publication()
  std::vector<std::size_t> astray;     ///< see graph_dependencies
  time_point started{};
  addresses known;
  std::mutex mutex;
  std::function<void()> stopping = [] {};

  result<void> spawn_channels(const reign& now);
  result<void> spawn_graph(engine_options how, const reign& now);
  result<rebuild_actor> spawn_domain(const reign& now);
  void ask(query&& what) {
    caf::anon_send(watch, atom::sync_v, query_ptr(std::make_shared<const query>(std::move(what))));
  }
  void end();
};

result<void> local_system::impl::spawn_channels(const reign& now) {
  journal_writer = system.spawn<caf::detached>(
      journal, journal_dependencies{ports.rows, ports.contents, ports.log, [this](const error& why) {
                                      fatal = true;
                                      ports.on_fatal(why);
                                    }});
  folder = system.spawn<caf::detached>(fold_worker);
  GRAPHITE_TRY(published, newest_publication(*ports.rows));
  for (const auto& spec : ports.config->channels) {
    auto& archive = *ports.archives.at(spec.name);
    GRAPHITE_TRY(auto restored,
                 restore_channel(spec, now, archive, *ports.rows, *ports.contents, *ports.hash));
    if (channels.empty() && restored.core->newest())
      newest = std::make_shared<const head>(*restored.core->newest());
    if (const auto& shown = restored.core->newest(); shown && !shown->behind.is_zero()) shown_behind = true;
    channel_dependencies with;
    with.contents = ports.contents;
    with.rows = ports.rows;
    with.hash = ports.hash;
    with.clock = ports.clock;
    with.log = ports.log;
    with.publisher = ports.publisher;
    with.published = ports.published;
    with.signer = ports.signer;
    with.peers = ports.peers;
    with.boot = ports.boot;
    with.beats = channels.empty();
    with.journal = journal_writer;
    with.folder = folder;
    with.write_generation = [&archive](const index_tree& tree, const head& h) {
      return archive.write(tree, h);
    };
    with.newest_tree = [&archive]() -> result<std::optional<index_tree>> {
      GRAPHITE_TRY(auto newest, archive.newest());
      if (!newest) return std::nullopt;
      return std::optional(std::move(newest->tree));
    };
    with.open_tree = [&archive](const digest& root, page_location where) {
      return archive.open(root, where);
    };
    with.on_generation = ports.on_generation;
    if (!restored.follows) astray.push_back(channels.size());
    channels.push_back(system.spawn<caf::detached>(channel, std::move(with), std::move(restored)));
  }
  return {};
}

result<rebuild_actor> local_system::impl::spawn_domain(const reign& now) {
  if (ports.cluster != nullptr) return ports.cluster->begin(system, journal_writer, now.epoch);
  return system.spawn(rebuild, rebuild_dependencies{ports.run_attempt,
                                                    [pool = ports.build_pool](std::function<void()> job) {
                                                      return pool->submit(std::move(job)).has_value();
                                                    },
                                                    ports.clock});
}

result<void> local_system::impl::spawn_graph(engine_options how, const reign& now) {
  how.config = ports.config;
  how.epoch = now.epoch;
  how.shown_behind = shown_behind;
  auto engine = std::make_shared<build_engine>(std::move(how));
  auto loaded = load_engine(*engine, *ports.rows, *ports.log);
  auto known = known_from(*engine);
  const auto stored = [contents = ports.contents](const digest& content) {
    const auto found = contents->find(content);
    return found && *found;
  };
  // A channel that is to show more than before may ask for what nobody needed to be stored.
  if (ports.building.losses() || !astray.empty()) {
    for (auto& command : engine->contents_lost(stored, ports.clock->now()))
      loaded.push_back(std::move(command));
    for (const auto& path : engine->sources_not_stored(stored)) known->erase(path);
  }
  GRAPHITE_TRY(domain, spawn_domain(now));
  graph_dependencies with;
  static_cast<graph_hooks&>(with) = ports.building;
  with.rows = ports.rows;
  with.clock = ports.clock;
  with.log = ports.log;
  with.usable_results = [contents = ports.contents](std::vector<std::optional<std::string>> rows) {
    for (auto& row : rows)
      if (row) row = usable_results(*contents, std::move(*row));
    return rows;
  };
  with.stored = stored;
  with.domains = {domain};
  with.channels = channels;
  with.specs = ports.config->channels;
  with.journal = journal_writer;
  with.newest = newest;
  with.published = published;
  with.astray = astray;
  with.epoch = now.epoch;
  with.on_demand = ports.on_demand;
  graph = system.spawn<caf::detached>(dependency_graph, std::move(with), engine, std::move(loaded));
  watcher_dependencies look;
  static_cast<watcher_hooks&>(look) = ports.watching;
  look.config = ports.config;
  look.events = ports.events;
  look.files = ports.files;
  look.ingest = ports.ingest;
  look.filter = ports.filter;
  look.clock = ports.clock;
  look.random = ports.random;
  look.log = ports.log;
  look.graph = graph;
  if (ports.events != nullptr)
    looks = system.spawn<caf::detached>(
        surveyor, [survey = ports.watching.survey, known] { return survey("", *known); });
  look.surveyor = looks;
  watch = system.spawn<caf::detached>(watcher, std::move(look), std::move(known));
  caf::anon_send(graph, atom::watch_v, watch);
  caf::anon_send(watch, atom::watch_v);
  return {};
}

void local_system::impl::end() {
  if (ports.events != nullptr) ports.events->stop();
  // Handles are dropped with the exits: an actor that is still referenced keeps the system alive.
  const auto stop = [](auto& handle) {
    if (handle) caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
    handle = nullptr;
  };
  stop(watch);
  stop(looks);
  stop(graph);
  if (ports.cluster != nullptr) ports.cluster->end();
  stop(domain);
  for (auto& one : channels) stop(one);
  channels.clear();
  stop(journal_writer);
  stop(folder);
}

local_system::local_system(std::unique_ptr<impl> self) : impl_(std::move(self)) {}

result<std::unique_ptr<local_system>> local_system::start(system_ports ports, engine_options how) {
  const logger_guard forget;
  GRAPHITE_TRY(const auto now, begin_reign(*ports.rows, *ports.random, ports.clock->unix_ns()));
  auto self = std::make_unique<impl>(std::move(ports));
  self->started = self->ports.clock->now();
  GRAPHITE_CHECK(self->config.ready);
  GRAPHITE_CHECK(self->spawn_channels(now));
  GRAPHITE_CHECK(self->spawn_graph(std::move(how), now));
  return std::unique_ptr<local_system>(new local_system(std::move(self)));
}

result<std::unique_ptr<local_system>> local_system::start_idle(system_ports ports) {
  const logger_guard forget;
  GRAPHITE_TRY(const auto now, begin_reign(*ports.rows, *ports.random, ports.clock->unix_ns()));
  auto self = std::make_unique<impl>(std::move(ports));
  GRAPHITE_CHECK(self->spawn_channels(now));
  return std::unique_ptr<local_system>(new local_system(std::move(self)));
}

local_system::~local_system() {
  if (!impl_->fatal) drain(seconds(10));
}

bool local_system::drain(duration wait) {
  const logger_guard forget;
  caf::scoped_actor asker(impl_->system);
  bool all = true;
  const auto answered = [&](const outcome& how) { all = all && !how.failure; };
  const auto not_answered = [&](const caf::error&) { all = false; };
  for (const auto& one : impl_->channels)
    asker->request(one, wait, atom::fold_v).receive(answered, not_answered);
  // Rows on their way to the journal are written before it answers.
  asker
      ->request(impl_->journal_writer, wait, atom::commit_v,
                commit_ptr(std::make_shared<const commit_request>()))
      .receive(answered, not_answered);
  return all;
}

void local_system::pages_moved() {
  for (const auto& one : impl_->channels) caf::anon_send(one, atom::rebase_v);
}

void local_system::look_for_rest() {
  if (impl_->graph) return caf::anon_send(impl_->graph, atom::rest_v);
  impl_->ports.building.on_rest([] { return std::vector<digest>(); });
}

void local_system::gc(gc_request request, reply<gc_report> done) {
  impl_->ports.collect(request, std::move(done));
}

void local_system::build(build_request request, reply<build_summary> done) {
  if (request.dry_run) return impl_->ask({query::build{request, std::move(done)}});
  auto folder = impl_->ports.archives.at(impl_->ports.config->channels.front().name)->folder();
  auto folded = [&system = impl_->system, channels = impl_->channels, folder = std::move(folder),
                 done = std::move(done)](result<build_summary> how) {
    if (!how) return done(std::move(how));
    how->bundle = folder;
    answer_folded(system, channels, std::move(*how), done);
  };
  impl_->ask({query::build{request, std::move(folded)}});
}

void local_system::status(reply<service_status> done) {
  auto out = std::make_shared<service_status>();
  out->project = impl_->ports.config->name;
  out->root = impl_->ports.config->root;
  out->state = impl_->ports.config->state;
  if (impl_->ports.publisher != nullptr) out->heads_address = impl_->ports.publisher->address();
  out->uptime_seconds = std::chrono::duration<double>(impl_->ports.clock->now() - impl_->started).count();
  {
    const std::lock_guard lock(impl_->mutex);
    out->machine = impl_->ports.machine();
    out->pid = impl_->known.pid;
    out->chunks_address = impl_->known.chunks;
    out->metrics_address = impl_->known.metrics;
  }
  impl_->ask({query::status{std::move(out), std::move(done)}});
}

void local_system::why(std::string path, reply<why_answer> done) {
  impl_->ask({query::why{std::move(path), std::move(done)}});
}

void local_system::trace(std::string build, std::uint64_t after, reply<trace_page> done) {
  impl_->ask({query::trace{std::move(build), after, std::move(done)}});
}

void local_system::graph(graph_query query, reply<graph_answer> done) {
  impl_->ask({graphite::query::graph{std::move(query), std::move(done)}});
}

void local_system::hold(duration timeout, reply<std::uint64_t> done) {
  impl_->ask({query::hold{timeout, std::move(done)}});
}

void local_system::release(std::uint64_t token, reply<bool> done) {
  impl_->ask({query::release{token, std::move(done)}});
}

void local_system::rollback(std::string channel, std::uint64_t sequence, reply<head> done) {
  for (std::size_t i = 0; i < impl_->channels.size(); ++i)
    if (impl_->ports.config->channels[i].name == channel) {
      auto asked = std::make_shared<const query>(query{query::rollback{sequence, std::move(done)}});
      return caf::anon_send(impl_->channels[i], atom::answer_v, query_ptr(std::move(asked)));
    }
  done(fail(errc::not_found, "there is no channel '" + channel + "'"));
}

void local_system::diff(std::string channel, std::uint64_t from, std::uint64_t to,
                        reply<generation_diff> done) {
  for (std::size_t i = 0; i < impl_->channels.size(); ++i)
    if (impl_->ports.config->channels[i].name == channel) {
      auto asked = std::make_shared<const query>(query{query::diff{from, to, std::move(done)}});
      return caf::anon_send(impl_->channels[i], atom::answer_v, query_ptr(std::move(asked)));
    }
  done(fail(errc::not_found, "there is no channel '" + channel + "'"));
}

void local_system::describe(std::string path, reply<asset_report> done) {
  impl_->ask({query::describe{std::move(path), std::move(done)}});
}

void local_system::stale(std::size_t tasks_max, reply<stale_list> done) {
  impl_->ask({query::stale{tasks_max, std::move(done)}});
}

void local_system::cancel_builds() {
  // Not through the watcher: what waits there for its turn is refused when it comes.
  auto asked = std::make_shared<const query>(query{query::cancel{[](const result<bool>&) {}}});
  caf::anon_send(impl_->graph, atom::answer_v, query_ptr(std::move(asked)));
}

void local_system::set_addresses(addresses known) {
  const std::lock_guard lock(impl_->mutex);
  impl_->known = std::move(known);
}

void local_system::inputs_changed(const std::vector<fs_event>& events,
                                  const std::function<bool(std::string_view path)>& is_input) {
  if (const auto told = news_of_inputs(events, is_input); told != input_news::none)
    caf::anon_send(impl_->watch, atom::check_v, told == input_news::settled);
}

void local_system::stop() {
  const std::lock_guard lock(impl_->mutex);
  impl_->stopping();
}

void local_system::on_stop(std::function<void()> call) {
  const std::lock_guard lock(impl_->mutex);
  impl_->stopping = std::move(call);
}

}  // namespace graphite
