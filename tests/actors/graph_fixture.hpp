#pragma once

#include "actors/generation_rows.hpp"
#include "actors/graph.hpp"
#include "actors/journal.hpp"
#include "actors/restore.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "tests/actors/actor_fixture.hpp"

namespace graphite::test {

/// Keeps what it is told to publish; answers when the test says so.
struct fake_channel {
  std::vector<publication_ptr> got;
  std::vector<caf::typed_response_promise<publish_outcome>> open;
  std::size_t status_asked = 0;
  channel_actor handle;
  std::shared_ptr<const error> with;  ///< of the answers

  /// The `count` oldest, or all. Done by the actor, as soon as it runs.
  void answer(std::shared_ptr<const error> failure = nullptr, std::size_t count = SIZE_MAX) {
    with = std::move(failure);
    caf::anon_send(handle, atom::wake_v, std::uint64_t{count});
  }
  channel_actor spawn(caf::actor_system& system, std::string name) {
    return handle = system.spawn([this, name](channel_actor::pointer self) -> channel_actor::behavior_type {
      return {[this, self](atom::publish, const publication_ptr& what) -> caf::result<publish_outcome> {
                got.push_back(what);
                open.push_back(self->make_response_promise<publish_outcome>());
                return open.back();
              },
              [this, name](atom::answer, const query_ptr& asked) {
                const auto* status = std::get_if<query::status>(&asked->what);
                if (status == nullptr) return;
                ++status_asked;
                for (auto& one : status->so_far->channels)
                  if (one.name == name) one.subscribers = 7;
                status->done(*status->so_far);
              },
              [](atom::fold) { return outcome{}; }, [](atom::rebase) {},
              [this](atom::wake, std::uint64_t count) {
                for (; count > 0 && !open.empty(); --count) {
                  open.front().deliver(publish_outcome{with, nullptr});
                  open.erase(open.begin());
                }
              }};
    });
  }
};

class graph_actor_test : public actor_fixture {
 protected:
  using names = std::vector<std::string>;

  void SetUp() override {
    config.channels = {{"one", {}, {}, {}}, {"two", {}, {*glob::parse("*.up")}, {}}};
    rule_spec upper;
    upper.name = "upper";
    upper.transform = "command";
    upper.match = {*glob::parse("*.low")};
    upper.outputs = {"{stem}.up"};
    upper.command.argv = {"tool", "{in}"};
    config.rules = {upper};
    how.jobs = 4;
  }
  void TearDown() override {
    stop();
    for (auto* one : {&one, &two}) one->open.clear(), one->handle = nullptr;
  }

  void start() {
    writer = system.spawn(journal, journal_dependencies{&rows, &contents, &log, [](const error&) {}});
    domain = system.spawn([this]() -> rebuild_actor::behavior_type {
      return {[this](atom::attempt, const attempt_ptr& what, const graph_actor&) { started.push_back(what); },
              [this](atom::cancel, std::uint32_t, std::uint32_t) { ++cancels; },
              [](atom::finish, std::uint32_t, std::uint32_t) {}};
    });
    watch = system.spawn([this]() -> watcher_actor::behavior_type {
      return {[](atom::watch) {},
              [this](atom::sync, const query_ptr& asked) { asked_again.push_back(asked); },
              [this](atom::rescan, const paths_ptr& paths) { reread = *paths; },
              [](atom::notice, const events_ptr&) {},
              [](atom::check, bool) {},
              [](atom::wake, std::uint64_t) {}};
    });
    how.config = std::make_shared<const project>(config);
    how.hash = std::shared_ptr<const hasher>(&hash, [](const hasher*) {});
    how.epoch = epoch;
    auto engine = std::make_shared<build_engine>(how);
    auto loaded = load_engine(*engine, rows, log);
    with.rows = &rows;
    with.clock = &clock;
    with.log = &log;
    with.usable_results = [](std::vector<std::optional<std::string>> rows) { return rows; };
    with.losses = [this] { return std::exchange(lost, false); };
    with.stored = [this](const digest& id) { return contents.find(id)->has_value(); };
    with.domains = {domain};
    with.channels = {one.spawn(system, "one"), two.spawn(system, "two")};
    with.specs = config.channels;
    with.journal = writer;
    with.epoch = epoch;
    with.published = *newest_publication(rows);
    with.on_rest = [this](const auto&) { ++rests; };
    graph = system.spawn(dependency_graph, with, engine, std::move(loaded));
    caf::anon_send(graph, atom::watch_v, watch);
    run();
  }
  void stop() {
    for (auto& channel : with.channels) end(channel);
    with = {};
    if (graph) end(graph);
    if (watch) end(watch);
    if (domain) end(domain);
    if (writer) end(writer);
  }

  content_ref store(const std::string& text) {
    const auto chunks = chunk_bytes(as_bytes(text), hash);
    EXPECT_TRUE(contents.put(as_bytes(text), chunks));
    return content_of(chunks, hash);
  }
  void save(std::map<std::string, std::optional<std::string>> changes) {
    auto what = std::make_shared<revision>();
    what->id = revision_id{++revisions};
    for (const auto& [name, text] : changes) {
      source_change change{*logical_path::parse(name), std::nullopt};
      if (text) change.now = source_state{store(*text), {}, {}};
      what->changes.push_back(std::move(change));
    }
    caf::anon_send(graph, atom::revise_v, revision_ptr(std::move(what)));
    run();
  }
  void finish(std::size_t which, const std::string& output, const std::string& text) {
    auto how = std::make_shared<attempt_result>();
    how->action = started.at(which)->action;
    how->attempt = started[which]->attempt;
    how->status = attempt_status::succeeded;
    how->outputs = {{*logical_path::parse(output), store(text)}};
    caf::anon_send(graph, atom::finish_v, attempt_result_ptr(std::move(how)));
    run();
  }
  void build(const build_request& request = {}) {
    auto done = [this](result<build_summary> how) { built.push_back(std::move(how)); };
    ask({query::build{request, std::move(done)}});
  }
  /// Begins with a resting engine.
  void start_on_demand() {
    how.dry = true;
    with.on_demand = true;
    start();
  }
  void end_cancelled(std::size_t which) {
    auto ended = std::make_shared<attempt_result>();
    ended->action = started.at(which)->action;
    ended->attempt = started[which]->attempt;
    ended->status = attempt_status::cancelled;
    caf::anon_send(graph, atom::finish_v, attempt_result_ptr(std::move(ended)));
    run();
  }
  bool stale(const std::string& path) {
    bool out = false;
    ask({query::describe{path, [&](const result<asset_report>& how) { out = how->stale; }}});
    return out;
  }
  /// As if the journal had written their rows, too.
  void answer_all() {
    for (; written < one.got.size(); ++written)
      EXPECT_TRUE(rows.write(one.got[written]->rows, key_value_store::durability::synced));
    one.answer();
    two.answer();
    run();
  }
  void ask(query what) {
    caf::anon_send(graph, atom::answer_v, std::make_shared<const query>(std::move(what)));
    run();
  }
  std::size_t rows_of_the_graph() const { return rows.rows(table::sources) + rows.rows(table::graph); }
  static std::vector<std::string> paths(const publication& what) {
    std::vector<std::string> out;
    for (const auto& record : what.changes.upserts) out.push_back(record.path.str());
    return out;
  }

  project config;
  engine_options how;
  epoch_number epoch{5};
  graph_dependencies with;
  journal_actor writer;
  rebuild_actor domain;
  watcher_actor watch;
  graph_actor graph;
  fake_channel one, two;
  std::vector<attempt_ptr> started;
  std::vector<query_ptr> asked_again;
  std::vector<std::string> reread;
  std::vector<result<build_summary>> built;
  bool lost = false;
  int rests = 0, cancels = 0;
  std::size_t written = 0;  ///< publications whose rows answer_all() has written
  std::uint64_t revisions = 0;
};

}  // namespace graphite::test
