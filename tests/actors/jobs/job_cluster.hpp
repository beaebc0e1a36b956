#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "actors/cluster/dispatch.hpp"
#include "actors/cluster/node.hpp"
#include "actors/jobs/job_desk.hpp"
#include "actors/journal.hpp"
#include "actors/logger_guard.hpp"
#include "bundle/asset_list.hpp"
#include "coordinator/action_key.hpp"
#include "coordinator/cluster/result_rows.hpp"
#include "tests/actors/jobs/fake_view_stores.hpp"
#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/memory_key_value_store.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite::test {

class running_clock final : public clock_source {
 public:
  time_point now() const override { return std::chrono::steady_clock::now(); }
  std::int64_t unix_ns() const override {
    return duration(std::chrono::system_clock::now().time_since_epoch()).count();
  }
};

/// Threads for what blocks.
class thread_each final {
 public:
  ~thread_each() { stop(); }
  bool submit(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
    threads_.emplace_back(std::move(work));
    return true;
  }
  void stop() {
    std::vector<std::thread> all;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      all.swap(threads_);
    }
    for (auto& one : all) one.join();
  }

 private:
  std::mutex mutex_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

/// What a node does: the main input in capital letters; what begins with "fail" fails. Attempts of inputs
/// that begin with "hold" wait until they are released. Thread-safe.
class shouting_node {
 public:
  explicit shouting_node(fake_view_stores& stores) : stores_(stores) {}

  void run(const agent_commands::start& what, const cancel_token& cancel,
           std::function<void(control::attempt_end)> done) {
    const auto& input = what.what->main_input;
    std::string text;
    for (const auto& one : what.what->inputs) {
      if (!stores_.has(one.content)) return done(lost(one.content.id));
      if (one.path == input) text = stores_.text_of(one.content);
    }
    {
      const std::lock_guard lock(mutex_);
      ++runs_[input.str() + " " + text];
      if (text.starts_with("hold") && holding_) {
        held_.push_back({cancel, [=, this] { done(end_of(*what.what, text)); }, done});
        return;
      }
    }
    done(end_of(*what.what, text));
  }
  std::map<std::string, int> runs() const {
    const std::lock_guard lock(mutex_);
    return runs_;
  }
  std::size_t held() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(held_, [](const auto& one) { return !one.cancelled.cancelled(); }));
  }
  void release() {
    const std::lock_guard lock(mutex_);
    holding_ = false;
    for (auto& one : std::exchange(held_, {})) one.finish();
  }
  /// What was told to stop does.
  void stop_cancelled() {
    const std::lock_guard lock(mutex_);
    std::erase_if(held_, [](const auto& one) {
      if (!one.cancelled.cancelled()) return false;
      control::attempt_end out;
      out.result.status = attempt_status::cancelled;
      one.done(out);
      return true;
    });
  }

 private:
  struct waiting {
    cancel_token cancelled;
    std::function<void()> finish;
    std::function<void(control::attempt_end)> done;
  };
  static control::attempt_end lost(const digest& content) {
    control::attempt_end out;
    out.result.status = attempt_status::lost_input;
    out.result.lost = {content};
    return out;
  }
  control::attempt_end end_of(const control::assignment& what, std::string text) const {
    control::attempt_end out;
    out.result.log = "shouts " + what.main_input.str();
    if (text.starts_with("fail")) {
      out.result.status = attempt_status::failed;
      out.result.message = "it says no";
      return out;
    }
    for (auto& one : text) one = static_cast<char>(std::toupper(one));
    out.result.status = attempt_status::succeeded;
    out.result.outputs = {{logical_path::parse(what.outputs.at(0).text).value(), stores_.put(text), {}}};
    out.result.wall = out.result.cpu = milliseconds(1);
    return out;
  }

  fake_view_stores& stores_;
  mutable std::mutex mutex_;
  std::map<std::string, int> runs_;
  std::vector<waiting> held_;
  bool holding_ = true;
};

/// Rules by the text of a project file: with "tool" one needs what no node has, "twice" has one after it.
inline view_setup shouting_setup(std::string_view text) {
  view_setup out;
  project config;
  config.root = "/snapshot";
  config.state = "/snapshot/.graphite";
  rule_spec rule;
  rule.name = "shout";
  rule.match = {glob::parse("*.txt").value()};
  rule.transform = "command";
  rule.outputs = {"{dir}/{stem}.up"};
  rule.command.argv = {"shout"};
  if (text == "tool") {
    digest what;
    what.bytes.fill(9);
    rule.command.tools = {"megaphone"};
    out.tools = out.engine.tool_digests = {{"megaphone", what}};
  }
  config.rules.push_back(rule);
  if (text == "twice") {
    rule.name = "again";
    rule.match = {glob::parse("*.up").value()};
    rule.outputs = {"{dir}/{stem}.twice"};
    config.rules.push_back(rule);
  }
  out.engine.config = std::make_shared<const project>(config);
  return out;
}

/// What survives a coordinator: its disk, the stores, a node.
class job_cluster : public ::testing::Test {
 protected:
  struct caf_options : caf::actor_system_config {
    caf_options() {
      set("scheduler.policy", caf::atom("sharing"));
      set("scheduler.max-threads", std::size_t{2});
      set("logger.verbosity", caf::atom("quiet"));
    }
  };

  job_cluster() {
    setups.of_project = [](std::string_view text, const std::string&) -> result<view_setup> {
      if (text == "bad") return fail(errc::invalid_argument, "graphite.toml:1: bad");
      return shouting_setup(text);
    };
    setups.of_action = [](const action_job& what, const std::vector<logical_path>&) -> result<view_setup> {
      auto out = shouting_setup("");
      out.cached = what.use_cache;
      return out;
    };
    start_node();
    start_coordinator();
  }
  ~job_cluster() override {
    node_does.release();
    end_coordinator();
    const logger_guard forget;
    caf::anon_send_exit(node_handle, caf::exit_reason::user_shutdown);
    node_handle = nullptr;
  }

  void start_node() {
    const logger_guard forget;
    node_agent_options what;
    what.offer.incarnation.value.bytes.fill(1);
    what.offer.domains = {{64'000, GiB, {}, 256, ""}};
    node_dependencies with;
    with.clock = &clock;
    with.run = [this](const agent_commands::start& one, const cancel_token& cancel, auto done) {
      node_does.run(one, cancel, std::move(done));
    };
    node_handle = system.spawn(node, std::move(with), std::make_shared<node_agent>(what));
  }

  void start_coordinator() {
    const logger_guard forget;
    ++epoch;
    pool = std::make_unique<thread_each>();
    journal_handle = system.spawn<caf::detached>(
        journal, journal_dependencies{&rows, &contents, &log, [](const error&) {}});
    dispatcher_options how;
    how.schedule.epoch.value = epoch;
    how.schedule.grace = milliseconds(300);
    dispatch_dependencies with;
    with.clock = &clock;
    with.log = &log;
    with.journal = journal_handle;
    with.rows_of = [this](const commit_batch& batch) {
      return result_rows(batch, 1, [this](const digest& key) {
        return rows.get(table::action_cache, cache_row_key(key)).value().has_value();
      });
    };
    with.on_event = [this](const dispatch_command& what, dispatch_desk& at) {
      const std::lock_guard lock(mutex);
      if (std::holds_alternative<dispatch_commands::remember>(what)) remembered = at.core.remember();
    };
    auto core = std::make_shared<dispatch_desk>(dispatcher(how, std::make_shared<const openssl_hasher>()));
    core->core.recall(remembered, clock.now());
    dispatch_handle = system.spawn(dispatch, std::move(with), std::move(core));
    connect_node();
    start_desk();
  }

  void connect_node() {
    const auto gate = system.spawn([node = node_handle](caf::event_based_actor*) -> caf::behavior {
      return {[node](atom::control, const control_frame_ptr& said) {
        caf::anon_send(node, atom::control_v,
                       std::make_shared<const control_event>(control_event{said->link, said->text}));
      }};
    });
    const auto dialler = system.spawn([to = dispatch_handle](caf::event_based_actor*) -> caf::behavior {
      return {[to](atom::control, const control_frame_ptr& said) {
        caf::anon_send(to, atom::control_v,
                       std::make_shared<const control_event>(control_event{said->link, said->text}));
      }};
    });
    proven_peer peer;
    peer.said.name = "node-1";
    const auto came = std::make_shared<const control_event>(control_event{epoch, control_event::came{peer}});
    caf::anon_send(dispatch_handle, atom::dial_v, gate);
    caf::anon_send(node_handle, atom::dial_v, dialler);
    caf::anon_send(dispatch_handle, atom::control_v, came);
    caf::anon_send(node_handle, atom::control_v, came);
  }

  void start_desk() {
    std::vector<std::pair<std::string, std::string>> kept;
    EXPECT_TRUE(rows.scan(table::journal, job_row_prefix, [&](auto key, auto value) {
      kept.emplace_back(key, value);
      return true;
    }));
    auto table = std::make_shared<job_table>(options.table, epoch_number{epoch}, *hash);
    const auto loaded = table->load(kept, {clock.now(), clock.unix_ns()});
    ASSERT_TRUE(loaded) << loaded.error().context;
    job_desk_dependencies with;
    with.how = options;
    with.submit = [this](std::function<void()> work) { return pool->submit(std::move(work)); };
    with.views.system = &system;
    with.views.dispatch = dispatch_handle;
    with.views.journal = journal_handle;
    with.views.rows = &rows;
    with.views.clock = &clock;
    with.views.log = &log;
    with.views.hash = hash;
    with.views.epoch.value = epoch;
    with.views.stores = &stores;
    with.views.setups = &setups;
    with.views.submit = with.submit;
    with.views.misfit_patience = options.misfit_patience;
    desk.use(system.spawn(job_desk_of, std::move(with), std::move(table)));
  }

  /// As if it were killed, but that its messages are taken to their end.
  void end_coordinator() {
    const logger_guard forget;
    desk.end();
    caf::anon_send_exit(dispatch_handle, caf::exit_reason::user_shutdown);
    pool->stop();
    caf::anon_send_exit(journal_handle, caf::exit_reason::user_shutdown);
    dispatch_handle = nullptr;
    journal_handle = nullptr;
    caf::anon_send(
        node_handle, atom::control_v,
        std::make_shared<const control_event>(control_event{epoch, control_event::gone{"killed"}}));
  }

  template <class T, class Call>
  result<T> ask(Call call) {
    const auto got = std::make_shared<std::promise<result<T>>>();
    auto answer = got->get_future();
    call([got](result<T> how) { got->set_value(std::move(how)); });
    if (answer.wait_for(std::chrono::seconds(30)) != std::future_status::ready)
      return fail(errc::timed_out, "no answer");
    return answer.get();
  }
  static job_request project_of(const content_ref& snapshot, const std::string& key) {
    job_request out;
    out.key = key + std::string(16, '.');
    project_job what;
    what.snapshot = snapshot;
    what.view = "main";
    out.what = what;
    return out;
  }
  result<job_accepted> submit(job_request request) {
    return ask<job_accepted>([&](auto done) { desk.submit(ann, std::move(request), std::move(done)); });
  }
  job_id submitted(job_request request) {
    const auto accepted = submit(std::move(request));
    EXPECT_TRUE(accepted) << accepted.error().context;
    return accepted ? accepted->job.id : job_id{};
  }
  job_id submitted(const std::map<std::string, std::string>& files, const std::string& key) {
    return submitted(project_of(stores.put_snapshot(files), key));
  }
  job_info status(job_id job) {
    auto how = ask<job_info>([&](auto done) { desk.status(ann, job, std::move(done)); });
    EXPECT_TRUE(how) << how.error().context;
    return how.value_or(job_info());
  }
  bool reaches(job_id job, job_state state) {
    return wait_until([&] { return status(job).state == state; });
  }
  /// Its end, once it has one.
  job_outcome end_of(job_id job) {
    EXPECT_TRUE(wait_until([&] { return is_over(status(job).state); })) << to_string(status(job).state);
    return status(job).outcome.value_or(job_outcome());
  }
  /// What a job has made, by its path.
  std::map<std::string, std::string> made(const job_outcome& end) {
    std::map<std::string, std::string> out;
    const auto text = stores.text_of(end.listing);
    const auto listed = decode_asset_list(as_bytes(std::string_view(text)));
    EXPECT_TRUE(listed);
    for (const auto& one : *listed) out[one.path.str()] = stores.text_of(one.parts.at(0).content);
    return out;
  }

  job_caller ann{"studio", "ann", false}, eve{"other", "eve", false};
  running_clock clock;
  recording_log log;
  const std::shared_ptr<const hasher> hash = std::make_shared<const openssl_hasher>();
  memory_key_value_store rows;
  memory_chunk_store contents{*hash};
  fake_view_stores stores;
  shouting_node node_does{stores};
  view_setups setups;
  job_desk_options options;
  std::uint64_t epoch = 100;
  std::mutex mutex;  ///< of the next one
  cluster_record remembered;
  std::unique_ptr<thread_each> pool;
  caf_options cfg;
  caf::actor_system system{cfg};
  job_desk_facade desk;
  node_actor node_handle;
  dispatch_actor dispatch_handle;
  journal_actor journal_handle;
};

}  // namespace graphite::test
