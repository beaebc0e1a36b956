#include "actors/graph.hpp"

#include "actors/generation_rows.hpp"
#include "actors/journal.hpp"
#include "actors/restore.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "tests/actors/actor_fixture.hpp"

namespace graphite {
namespace {

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

class graph_actor_test : public test::actor_fixture {
 protected:
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
    with.usable_results = [](std::string row) { return std::optional(std::move(row)); };
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

using names = std::vector<std::string>;

TEST_F(graph_actor_test, every_channel_gets_each_publication_and_the_first_one_its_rows) {
  start();
  save({{"a.txt", "A"}});
  ASSERT_EQ(one.got.size(), 1u);
  ASSERT_EQ(two.got.size(), 1u);
  EXPECT_EQ(paths(*one.got[0]), names{"a.txt"});
  EXPECT_EQ(paths(*two.got[0]), names{"a.txt"});
  EXPECT_EQ(one.got[0]->id, "5.1");
  EXPECT_EQ(two.got[0]->id, "5.1");
  EXPECT_TRUE(two.got[0]->rows.empty());
  const auto& row = one.got[0]->rows.back();
  EXPECT_EQ(row.key, publication_row_key) << "the rows say which publications they take for shown";
  EXPECT_EQ(row.value, "5.1");
}

TEST_F(graph_actor_test, rows_that_take_something_for_shown_wait_until_it_is_published) {
  start();
  save({{"a.txt", "A"}});
  save({{"w.low", "w"}});  // an input, no asset: its row is not part of a publication
  EXPECT_EQ(rows_of_the_graph(), 0u);
  one.answer();
  run();
  EXPECT_EQ(rows_of_the_graph(), 0u) << "the second channel has not answered";
  two.answer();
  run();
  EXPECT_GT(rows_of_the_graph(), 0u);
  EXPECT_EQ(*newest_publication(rows), "5.1");
}

TEST_F(graph_actor_test, held_rows_go_first_with_the_next_publication) {
  start();
  save({{"a.txt", "A"}});
  save({{"w.low", "w"}});
  save({{"b.txt", "B"}});
  ASSERT_EQ(one.got.size(), 2u);
  const auto with_id = one.got[1]->rows.back();
  EXPECT_EQ(with_id.value, "5.2");
  std::vector<std::string> keys;
  for (const auto& row : one.got[1]->rows)
    if (row.where == table::sources) keys.push_back(row.key);
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_LT(keys[0], keys[1]) << "older rows must not overwrite newer ones";
  one.answer();
  two.answer();
  run();
  EXPECT_EQ(rows_of_the_graph(), 0u) << "nothing is left that was held";
}

TEST_F(graph_actor_test, a_build_is_answered_when_what_ran_for_it_is_published_everywhere) {
  start();
  save({{"w.low", "w"}});
  ASSERT_EQ(started.size(), 1u);
  build();
  EXPECT_TRUE(built.empty());
  finish(0, "w.up", "W");
  ASSERT_EQ(one.got.size(), 1u);
  EXPECT_TRUE(built.empty()) << "not published yet";
  one.answer();
  run();
  EXPECT_TRUE(built.empty()) << "the second channel has not answered";
  two.answer();
  run();
  ASSERT_EQ(built.size(), 1u);
  ASSERT_TRUE(built[0]);
  EXPECT_EQ(built[0]->ran, 1u);
  EXPECT_GE(rests, 1);
}

TEST_F(graph_actor_test, a_build_does_not_wait_for_what_is_published_after_it) {
  start();
  save({{"a.txt", "A"}});
  build();
  save({{"b.txt", "B"}});
  EXPECT_TRUE(built.empty());
  one.answer(nullptr, 1);
  two.answer(nullptr, 1);
  run();
  EXPECT_EQ(built.size(), 1u);
}

TEST_F(graph_actor_test, a_build_says_why_nothing_could_be_published) {
  start();
  save({{"a.txt", "A"}});
  build();
  one.answer(std::make_shared<const error>(error{errc::out_of_space, "full"}));
  two.answer(std::make_shared<const error>(error{errc::out_of_space, "full"}));
  run();
  ASSERT_EQ(built.size(), 1u);
  ASSERT_FALSE(built[0]);
  EXPECT_EQ(built[0].error().code, errc::out_of_space);
}

TEST_F(graph_actor_test, a_build_that_a_failure_ends_is_answered_though_actions_are_left) {
  how.mode = engine_options::publishing::all_or_nothing;
  how.keep_going = false;
  how.jobs = 1;
  start();
  save({{"1.low", "1"}, {"2.low", "2"}});
  build();
  ASSERT_EQ(started.size(), 1u);
  finish(0, "another", "x");  // it did not write what its rule says
  EXPECT_EQ(started.size(), 1u);
  ASSERT_EQ(built.size(), 1u);
  ASSERT_TRUE(built[0]);
  EXPECT_EQ(built[0]->failed, 1u);
  EXPECT_TRUE(one.got.empty());
}

TEST_F(graph_actor_test, lost_contents_are_read_again_before_a_build_is_answered) {
  start();
  save({{"a.txt", "A"}, {"b.txt", "B"}});
  one.answer();
  two.answer();
  run();
  contents.remove(store("B").id);
  lost = true;
  build();
  EXPECT_TRUE(built.empty());
  EXPECT_EQ(reread, names{"b.txt"});
  ASSERT_EQ(asked_again.size(), 1u) << "asked again behind what is read";
  caf::anon_send(graph, atom::answer_v, asked_again[0]);
  run();
  EXPECT_EQ(built.size(), 1u);
}

TEST_F(graph_actor_test, a_channel_that_went_astray_is_told_all_at_the_first_rest) {
  with.astray = {1};
  start();
  save({{"a.txt", "A"}, {"w.low", "w"}});
  EXPECT_EQ(two.got.size(), 1u);
  finish(0, "w.up", "W");
  ASSERT_EQ(two.got.size(), 3u);
  EXPECT_FALSE(two.got[1]->complete);
  EXPECT_TRUE(two.got[2]->complete);
  EXPECT_EQ(paths(*two.got[2]), (names{"a.txt", "w.up"}));
  EXPECT_EQ(two.got[2]->id, two.got[1]->id);
  EXPECT_TRUE(two.got[2]->rows.empty());
  EXPECT_EQ(one.got.size(), 2u) << "the other one is in step";
  save({{"a.txt", "A2"}});
  EXPECT_EQ(two.got.size(), 4u) << "once is enough";
}

TEST_F(graph_actor_test, status_tells_of_every_channel_and_what_is_behind_in_it) {
  start();
  save({{"a.txt", "A"}, {"v.low", "v"}, {"w.low", "w"}});
  ASSERT_EQ(started.size(), 2u);
  std::optional<service_status> status;
  ask({query::status{std::make_shared<service_status>(),
                     [&](result<service_status> how) { status = std::move(*how); }}});
  ASSERT_TRUE(status);
  ASSERT_EQ(status->channels.size(), 2u);
  EXPECT_EQ(status->channels[0].name, "one");
  EXPECT_EQ(status->channels[0].behind, 2u);
  EXPECT_EQ(status->channels[0].subscribers, 7u);
  EXPECT_EQ(status->channels[1].name, "two");
  EXPECT_EQ(status->channels[1].behind, 0u) << "it shows none of the two";
  EXPECT_EQ(status->channels[1].subscribers, 7u);
  ASSERT_EQ(status->running.size(), 2u);
  EXPECT_EQ(status->running[0].rule, "upper");
}

TEST_F(graph_actor_test, on_demand_nothing_is_built_until_somebody_asks) {
  start_on_demand();
  save({{"w.low", "w"}, {"a.txt", "A"}});
  EXPECT_TRUE(started.empty());
  EXPECT_TRUE(one.got.empty());
  EXPECT_TRUE(stale("w.up"));
  build();
  ASSERT_EQ(started.size(), 1u);
  finish(0, "w.up", "W");
  ASSERT_EQ(one.got.size(), 1u);
  EXPECT_EQ(paths(*one.got[0]), (names{"a.txt", "w.up"}));
  EXPECT_TRUE(built.empty()) << "not published yet";
  one.answer();
  two.answer();
  run();
  ASSERT_EQ(built.size(), 1u);
  EXPECT_EQ(built[0]->ran, 1u);
  EXPECT_FALSE(stale("w.up"));
  save({{"w.low", "w2"}});
  EXPECT_EQ(started.size(), 1u) << "it rests again";
  EXPECT_TRUE(stale("w.up"));
}

TEST_F(graph_actor_test, on_demand_a_build_that_has_nothing_to_do_is_answered_at_once) {
  start_on_demand();
  save({});
  build();
  ASSERT_EQ(built.size(), 1u);
  build({.as_ready = true, .targets = {"no/such.txt"}});
  ASSERT_EQ(built.size(), 2u);
  EXPECT_EQ(built[1].error().code, errc::not_found);
}

TEST_F(graph_actor_test, a_cancelled_build_is_answered_once_nothing_runs_for_it) {
  start_on_demand();
  save({{"w.low", "w"}, {"v.low", "v"}});
  build_request request;
  build(request);
  ASSERT_EQ(started.size(), 2u);
  ask({query::cancel{[](const result<bool>& some) { EXPECT_FALSE(*some); }}});
  EXPECT_EQ(cancels, 0);
  request.cancel.cancel();
  ask({query::cancel{[](const result<bool>& some) { EXPECT_TRUE(*some); }}});
  EXPECT_EQ(cancels, 2);
  EXPECT_TRUE(built.empty());
  end_cancelled(0);
  EXPECT_TRUE(built.empty());
  end_cancelled(1);
  ASSERT_EQ(built.size(), 1u);
  EXPECT_EQ(built[0].error().code, errc::cancelled);
  EXPECT_TRUE(one.got.empty());
  build(request);
  ASSERT_EQ(built.size(), 2u) << "cancelled before it began";
  EXPECT_EQ(built[1].error().code, errc::cancelled);
  EXPECT_EQ(started.size(), 2u);
}

TEST_F(graph_actor_test, a_build_that_ends_before_its_cancel_comes_leaves_a_resting_engine) {
  start_on_demand();
  save({{"w.low", "w"}});
  build_request request;
  build(request);
  request.cancel.cancel();  // its message is still under way
  finish(0, "w.up", "W");
  ASSERT_EQ(built.size(), 1u);
  EXPECT_EQ(built[0].error().code, errc::cancelled);
  ask({query::cancel{[](const result<bool>& some) { EXPECT_FALSE(*some); }}});
  save({{"w.low", "w2"}});
  EXPECT_EQ(started.size(), 1u) << "nobody asked for it";
}

TEST_F(graph_actor_test, cancelling_one_of_two_builds_leaves_the_other_what_it_needs) {
  start_on_demand();
  save({{"w.low", "w"}});
  build_request first;
  build(first);
  build();
  first.cancel.cancel();
  ask({query::cancel{[](const result<bool>&) {}}});
  EXPECT_EQ(cancels, 0);
  finish(0, "w.up", "W");
  one.answer();
  two.answer();
  run();
  ASSERT_EQ(built.size(), 2u);
  EXPECT_EQ(built[0].error().code, errc::cancelled);
  EXPECT_TRUE(built[1]);
}

TEST_F(graph_actor_test, where_everything_is_built_at_once_a_cancelled_wait_ends_alone) {
  start();
  save({{"w.low", "w"}});
  build_request request;
  build(request);
  request.cancel.cancel();
  ask({query::cancel{[](const result<bool>&) {}}});
  ASSERT_EQ(built.size(), 1u);
  EXPECT_EQ(built[0].error().code, errc::cancelled);
  EXPECT_EQ(cancels, 0) << "it is built all the same";
}

TEST_F(graph_actor_test, a_build_waits_for_all_that_a_result_lets_begin_though_some_of_it_is_cached) {
  rule_spec middle;
  middle.name = "middle";
  middle.transform = "command";
  middle.match = {*glob::parse("*.src")};
  middle.outputs = {"{stem}.mid"};
  middle.command.argv = {"tool", "{in}"};
  middle.publish = false;
  config.rules[0].command.inputs = {"*.mid"};
  config.rules.push_back(middle);
  how.mode = engine_options::publishing::all_or_nothing;
  how.keep_going = false;
  start_on_demand();
  const auto make = [this](const std::string& path, const std::string& text) {
    const auto output = path.substr(0, path.find('.')) + (path.ends_with(".src") ? ".mid" : ".up");
    for (std::size_t i = started.size(); i-- > 0;)
      if (started[i]->main_input.str() == path) return finish(i, output, text);
    ADD_FAILURE() << path << " was not started";
  };
  save({{"g.src", "1"}, {"a.low", "a"}, {"b.low", "b"}});
  build();
  make("g.src", "first");
  make("a.low", "A1");
  make("b.low", "B1");
  answer_all();
  save({{"g.src", "2"}});
  build();
  make("g.src", "second");
  make("a.low", "A2");
  make("b.low", "B2");
  answer_all();
  ASSERT_EQ(built.size(), 2u);

  save({{"g.src", "3"}, {"b.low", "b3"}});  // the first middle again: a.low is in the cache, b.low is not
  build();
  make("g.src", "first");
  EXPECT_EQ(built.size(), 2u) << "b.low runs";
  ASSERT_EQ(started.size(), 8u);
  make("b.low", "B3");
  answer_all();
  ASSERT_EQ(built.size(), 3u);
  ASSERT_TRUE(built[2]);
  EXPECT_EQ(built[2]->behind, 0u);
  EXPECT_EQ(built[2]->cached, 1u);
  ASSERT_EQ(one.got.size(), 3u);
  EXPECT_EQ(paths(*one.got[2]), (names{"a.up", "b.up"}));
}

TEST_F(graph_actor_test, an_undo_while_a_tool_lags_is_what_is_shown_last) {
  config.publish_lag_max = milliseconds(0);
  start();
  save({{"w.low", "1"}});
  finish(0, "w.up", "first");
  answer_all();
  save({{"w.low", "2"}});
  save({{"w.low", "1"}});  // the tool goes on with the second text, whose result is shown meanwhile
  EXPECT_EQ(cancels, 0);
  finish(1, "w.up", "second");
  ASSERT_EQ(one.got.size(), 3u);
  const auto shown = [&](std::size_t which) {
    return one.got[which]->changes.upserts.at(0).parts.at(0).content.id;
  };
  EXPECT_EQ(shown(1), store("second").id);
  EXPECT_EQ(shown(2), store("first").id);
  EXPECT_EQ(one.got[2]->id, "5.3");
}

TEST_F(graph_actor_test, what_a_cached_result_shows_comes_after_what_was_shown_before_it) {
  start();
  save({{"w.low", "1"}});
  finish(0, "w.up", "first");
  answer_all();
  save({{"w.low", "2"}});
  finish(1, "w.up", "second");
  answer_all();
  ASSERT_EQ(one.got.size(), 2u);
  save({{"w.low", "1"}, {"a.txt", "A"}});
  ASSERT_EQ(one.got.size(), 4u);
  EXPECT_EQ(paths(*one.got[2]), names{"a.txt"});
  EXPECT_EQ(paths(*one.got[3]), names{"w.up"});
}

}  // namespace
}  // namespace graphite
