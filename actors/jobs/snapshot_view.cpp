#include "actors/jobs/snapshot_view.hpp"

#include <algorithm>
#include <set>

#include "actors/logger_guard.hpp"
#include "coordinator/action_key.hpp"
#include "coordinator/cluster/result_rows.hpp"

namespace graphite {

struct snapshot_view::shared {
  static constexpr std::size_t lost_max = 1'000'000;

  explicit shared(const snapshot_view_ports& ports) : with(ports) {}

  const snapshot_view_ports with;
  std::shared_ptr<view_rows> rows;
  std::shared_ptr<shown_assets> assets;
  bool cached = true;
  std::atomic<std::uint64_t> actions = 0, done = 0, ran = 0, failed = 0, started = 0, ended = 0;
  std::mutex mutex;  ///< of what follows
  view_listener listener;
  std::set<digest> lost;  ///< inputs that a node has found in no store; those that come again leave

  view_listener hearing() {
    const std::lock_guard lock(mutex);
    return listener;
  }

  std::vector<std::optional<std::string>> usable(std::vector<std::optional<std::string>> rows_asked);
  std::optional<attempt_result> known(const attempt_spec& spec, const digest& key);
  void lose(const std::vector<digest>& contents);
  result<std::vector<digest>> lost_of(const attempt_spec& spec);
  void heard_end(const attempt_spec& spec, const attempt_result& how, bool found);
};

namespace {

/// The first of an attempt's outputs, as far as its name is known before it runs.
std::string first_output(const attempt_spec& spec, const attempt_result& how) {
  if (!how.outputs.empty()) return how.outputs.front().path.str();
  const auto exact = std::ranges::find(spec.outputs, false, &output_name::wildcard);
  return exact == spec.outputs.end() ? spec.main_input.str() : exact->text;
}

std::vector<content_ref> contents_of(const std::vector<cached_result>& results) {
  std::vector<content_ref> out;
  for (const auto& one : results)
    for (const auto& output : one.outputs)
      for (const auto& content : output.stored()) out.push_back(content);
  return out;
}

std::set<digest> absent_of(const std::vector<content_ref>& asked, const std::vector<bool>& there) {
  std::set<digest> out;
  for (std::size_t i = 0; i < asked.size(); ++i)
    if (!there[i]) out.insert(asked[i].id);
  return out;
}

}  // namespace

/// One question for all rows. Where nobody can be asked nothing counts as stored: it is made again.
std::vector<std::optional<std::string>> snapshot_view::shared::usable(
    std::vector<std::optional<std::string>> rows_asked) {
  std::vector<std::optional<cache_row>> decoded;
  std::vector<content_ref> asked;
  for (const auto& row : rows_asked) {
    auto one = row ? decode_cache_row(*row) : decode_cache_row("");
    decoded.push_back(one ? std::optional(std::move(*one)) : std::nullopt);
    if (!decoded.back()) continue;
    const auto contents = contents_of(decoded.back()->results);
    asked.insert(asked.end(), contents.begin(), contents.end());
  }
  const auto there = asked.empty() ? result<std::vector<bool>>() : with.stores->have(asked);
  if (!there) with.log->warn("action cache: nothing of it is used: {}", there.error().context);
  const auto absent = there ? absent_of(asked, *there) : std::set<digest>();
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    auto& one = decoded[i];
    if (!one || !there) {
      rows_asked[i].reset();
      continue;
    }
    const auto lost_ones = std::erase_if(one->results, [&](const cached_result& kept) {
      return !every_content(kept, [&](const content_ref& content) {
        return content.size == 0 || !absent.contains(content.id);
      });
    });
    if (one->results.empty())
      rows_asked[i].reset();
    else if (lost_ones > 0)
      rows_asked[i] = encode(*one);
  }
  return rows_asked;
}

std::optional<attempt_result> snapshot_view::shared::known(const attempt_spec& spec, const digest& key) {
  const auto row = rows->get(table::action_cache, cache_row_key(key));
  if (!row || !*row) return std::nullopt;
  auto out = result_of_row(spec, **row);
  if (!out) return std::nullopt;
  std::vector<content_ref> asked;
  for (const auto& output : out->outputs)
    for (const auto& content : output.stored()) asked.push_back(content);
  const auto there = with.stores->have(asked);
  if (!there || !absent_of(asked, *there).empty()) return std::nullopt;
  return out;
}

void snapshot_view::shared::lose(const std::vector<digest>& contents) {
  with.stores->doubt(contents);
  const std::lock_guard lock(mutex);
  for (const auto& one : contents)
    if (lost.size() < lost_max) lost.insert(one);
}

/// Which of its inputs were lost and are still nowhere.
result<std::vector<digest>> snapshot_view::shared::lost_of(const attempt_spec& spec) {
  std::vector<content_ref> asked;
  {
    const std::lock_guard lock(mutex);
    if (lost.empty()) return std::vector<digest>();
    for (const auto& input : spec.inputs)
      for (const auto& content : stored_contents(input.content, input.parts))
        if (lost.contains(content.id)) asked.push_back(content);
  }
  if (asked.empty()) return std::vector<digest>();
  GRAPHITE_TRY(const auto there, with.stores->have(asked));
  std::vector<digest> out;
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (there[i])
      lost.erase(asked[i].id);
    else
      out.push_back(asked[i].id);
  }
  return out;
}

void snapshot_view::shared::heard_end(const attempt_spec& spec, const attempt_result& how, bool found) {
  ++ended;
  if (how.status == attempt_status::succeeded && !found) ++ran;
  if (how.status == attempt_status::failed) ++failed;
  const auto& text = how.log.empty() && how.status == attempt_status::failed ? how.message : how.log;
  if (!found && !text.empty()) hearing().on_said(first_output(spec, how), text);
}

snapshot_view::snapshot_view(snapshot_view_ports with, spec what)
    : with_(std::move(with)),
      spec_(std::move(what)),
      feed_({with_.stores, with_.hash.get(), with_.setups}),
      shared_(std::make_shared<shared>(with_)) {}

snapshot_view::~snapshot_view() {
  const logger_guard forget;
  end_actors();
}

void snapshot_view::end_actors() {
  const std::lock_guard lock(mutex_);
  const auto stop = [](auto& handle) {
    if (handle) caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
    handle = nullptr;
  };
  stop(graph_);
  stop(rebuild_);
  stop(channel_);
  stop(journal_);
}

view_traffic snapshot_view::traffic() const {
  view_traffic out;
  out.submit = with_.submit;
  // What it reads is in the stores, and there it stays; what is lost there its action makes again.
  out.bring = [of = shared_](const attempt_spec& spec) { return of->lost_of(spec); };
  out.lost = [of = shared_](const attempt_spec&, const std::vector<digest>& lost) { of->lose(lost); };
  out.fetch = [](const attempt_result&) { return result<void>(); };
  if (shared_->cached)
    out.known = [of = shared_](const attempt_spec& spec, const digest& key) { return of->known(spec, key); };
  out.on_end = [of = shared_](const attempt_spec& spec, const attempt_result& how, bool found) {
    of->heard_end(spec, how, found);
  };
  return out;
}

engine_options snapshot_view::engine_of(const view_setup& setup) const {
  auto out = setup.engine;
  out.hash = with_.hash;
  out.epoch = with_.epoch;
  out.jobs = with_.attempts_max;
  out.dry = true;
  out.mode = engine_options::publishing::all_or_nothing;
  out.refused_patience = seconds(60);  // nodes and stores come back
  return out;
}

void snapshot_view::spawn(const view_setup& setup) {
  end_actors();
  shared_ = std::make_shared<shared>(with_);
  shared_->cached = setup.cached;
  shared_->rows = std::make_shared<view_rows>(*with_.rows, setup.cached);
  shared_->assets = std::make_shared<shown_assets>();
  cluster_rebuild_dependencies attempts;
  attempts.dispatch = with_.dispatch;
  attempts.hash = with_.hash.get();
  attempts.tenant = spec_.tenant;
  attempts.level = spec_.level;
  attempts.tools = setup.tools;
  attempts.platform = setup.platform;
  attempts.cached = setup.cached;
  attempts.traffic = traffic();
  attempts.misfit_patience = with_.misfit_patience;
  attempts.gives_up = true;
  const std::lock_guard lock(mutex_);
  rebuild_ = with_.system->spawn(cluster_rebuild, std::move(attempts));
  journal_ = with_.system->spawn(view_journal, shared_->rows, with_.journal);
  channel_ = with_.system->spawn(view_channel, shared_->assets, journal_);
  graph_dependencies graph;
  graph.rows = shared_->rows.get();
  graph.clock = with_.clock;
  graph.log = with_.log;
  graph.usable_results = [of = shared_](auto rows) { return of->usable(std::move(rows)); };
  graph.stored = [](const digest&) { return true; };  // what is lost is told by attempts
  graph.on_diagnostic = [of = shared_](const diagnostic_line& line) { of->hearing().on_diagnostic(line); };
  graph.on_running = [of = shared_](std::size_t done, std::size_t all, const std::string&) {
    of->actions = all;
    of->done = done;
    ++of->started;
  };
  graph.on_idle = [of = shared_](const engine_commands::idle&, const engine_status& now) {
    of->actions = now.actions;
    of->done = now.actions - std::min(now.actions, now.stale);
    of->failed = now.failed;
  };
  graph.on_trace = [of = shared_](std::shared_ptr<build_trace> over, kept_traces&) {
    of->hearing().on_trace(std::move(over));
  };
  graph.domains = {rebuild_};
  graph.channels = {channel_};
  graph.specs = {channel_spec{}};
  graph.journal = journal_;
  graph.epoch = with_.epoch;
  graph.on_demand = true;
  auto engine = std::make_shared<build_engine>(engine_of(setup));
  auto loaded = engine->load_finished();
  graph_ = with_.system->spawn<caf::detached>(dependency_graph, std::move(graph), std::move(engine),
                                              std::move(loaded));
}

result<void> snapshot_view::advance(const content_ref& root, const view_recipe& recipe,
                                    const cancel_token& cancel) {
  const logger_guard forget;
  GRAPHITE_TRY(auto step, feed_.advance(root, recipe, cancel));
  if (step.anew) {
    spawn(*step.anew);
    sources_ = step.what.changes.size();
  }
  const std::lock_guard lock(mutex_);
  caf::anon_send(graph_, atom::revise_v,
                 revision_ptr(std::make_shared<const revision>(std::move(step.what))));
  return {};
}

void snapshot_view::ask(query&& what) const {
  const logger_guard forget;
  const std::lock_guard lock(mutex_);
  auto asked = std::make_shared<const query>(std::move(what));
  if (!graph_) return refuse(*asked, {errc::unavailable, "the view has not begun"});
  caf::anon_send(graph_, atom::answer_v, query_ptr(std::move(asked)));
}

void snapshot_view::build(build_request request, view_listener listener, reply<build_summary> done) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->listener = std::move(listener);
  }
  shared_->ran = shared_->failed = shared_->started = shared_->ended = 0;
  ask({query::build{std::move(request), [of = shared_, done = std::move(done)](result<build_summary> how) {
                      {
                        const std::lock_guard lock(of->mutex);
                        of->listener = {};
                      }
                      done(std::move(how));
                    }}});
}

void snapshot_view::cancel() {
  ask({query::cancel{[](const result<bool>&) {}}});
}

void snapshot_view::why(std::string path, reply<why_answer> done) {
  ask({query::why{std::move(path), std::move(done)}});
}

job_progress snapshot_view::progress() const {
  const auto& of = *shared_;
  job_progress out;
  const auto started = of.started.load(), ended = of.ended.load();
  out.actions = of.actions;
  out.ran = of.ran;
  out.failed = of.failed;
  out.running = started - std::min(started, ended);
  const auto done = std::max<std::uint64_t>(of.done, out.ran + out.failed);
  out.cached = done - out.ran - out.failed;
  return out;
}

std::vector<asset_record> snapshot_view::shown() const { return shared_->assets->all(); }

}  // namespace graphite
