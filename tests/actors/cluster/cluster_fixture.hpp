#pragma once

#include <deque>
#include <map>

#include "actors/cluster/cluster_rebuild.hpp"
#include "actors/cluster/node.hpp"
#include "actors/journal.hpp"
#include "coordinator/action_key.hpp"
#include "coordinator/cluster/result_rows.hpp"
#include "platform/crypto/sha256.hpp"
#include "tests/actors/cluster/control_fixture.hpp"
#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/memory_key_value_store.hpp"
#include "tests/support/paths.hpp"

namespace graphite::test {

/// What the disk of a coordinator has: it survives one.
struct coordinator_disk {
  openssl_hasher hash;
  memory_key_value_store rows;
  memory_chunk_store contents{hash};
};

/// A coordinator's control side: gate, dispatcher, journal.
class coordinator_process {
 public:
  coordinator_process(const certificate_authority& authority, const role_keys& keys, coordinator_disk& disk,
                      std::uint64_t epoch, std::uint16_t port = 0)
      : system(authority.issue("coordinator")) {
    const logger_guard forget;
    journal_ = system->spawn<caf::detached>(
        journal, journal_dependencies{&disk.rows, &disk.contents, &log, [](const error&) {}});
    dispatcher_options how;
    how.schedule.epoch.value = epoch;
    how.schedule.grace = milliseconds(300);
    how.commit_again = milliseconds(5);
    dispatch_dependencies with;
    with.clock = &time_;
    with.log = &log;
    with.journal = journal_;
    with.rows_of = [&disk](const commit_batch& batch) {
      return result_rows(batch, 1, [&disk](const digest& key) {
        return disk.rows.get(table::action_cache, cache_row_key(key)).value().has_value();
      });
    };
    with.on_event = [this](const dispatch_command& what, dispatch_desk&) {
      const std::lock_guard lock(mutex_);
      if (const auto* came = std::get_if<dispatch_commands::node_came>(&what)) {
        ++joined_;
        adopted_ += came->adopted;
      }
      if (std::holds_alternative<dispatch_commands::node_lost>(what)) ++lost_;
    };
    dispatch_ = system->spawn(
        dispatch, std::move(with),
        std::make_shared<dispatch_desk>(dispatcher(how, std::make_shared<const openssl_hasher>())));
    control_gate_dependencies at;
    at.hello.wanted = {role::node};
    at.self = keys.identity(role::coordinator, "main", 1);
    at.verifier = &keys.verifier;
    at.random = &random_;
    at.clock = &time_;
    at.log = &log;
    at.trust = [&keys] { return keys.trust(); };
    at.sink = dispatch_;
    gate_ = system->spawn(control_gate, std::move(at));
    caf::anon_send(dispatch_, atom::dial_v, gate_);
    port_ = listen_tls(gate_, port, "127.0.0.1").value();
  }
  ~coordinator_process() {
    const logger_guard forget;
    stop_listening(gate_, port_);
    caf::anon_send_exit(gate_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(dispatch_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(journal_, caf::exit_reason::user_shutdown);
    gate_ = nullptr;
    dispatch_ = nullptr;
    journal_ = nullptr;
  }

  void call(std::function<void(dispatch_desk&, time_point)> what) {
    const logger_guard forget;
    caf::anon_send(dispatch_, atom::answer_v,
                   std::make_shared<const dispatch_call>(dispatch_call{std::move(what)}));
  }
  /// Submits tasks of these numbers; their ends are in `ended`.
  void submit(std::uint64_t first, std::uint64_t count, const hasher& hash) {
    call([this, first, count, &hash](dispatch_desk& desk, time_point now) {
      const auto tenant = desk.core.tenant("main", {}).value();
      const auto job = desk.core.open_job(tenant).value();
      control::recipe how;
      how.rule = "test";
      command_spec what;
      what.argv = {"true"};
      how.command = std::make_shared<const command_spec>(what);
      const auto recipe = desk.core.add_recipe(how).value();
      for (auto i = first; i < first + count; ++i) {
        dispatch_task task{
            job, task_class::job, 0, key_of(i, hash), recipe, path_of("in"), {}, {}, {}, {}, 0, 0, now, 0};
        const auto done = [this, i](const dispatch_commands::done& how_it_ended) {
          const std::lock_guard lock(mutex_);
          ++ended_[i];
          if (how_it_ended.result) ++by_node_[how_it_ended.result->node];
          if (how_it_ended.how != task_end::finished) ++failed_;
        };
        if (!desk.submit(std::move(task), done, now)) {
          const std::lock_guard lock(mutex_);
          ++failed_;
        }
      }
      desk.core.drop_recipe(recipe);
    });
  }
  static digest key_of(std::uint64_t number, const hasher& hash) {
    return hash.sha256(as_bytes("task " + std::to_string(number)));
  }

  std::map<std::uint64_t, int> ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  std::map<std::string, int> by_node() const {
    const std::lock_guard lock(mutex_);
    return by_node_;
  }
  int failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }
  int joined() const {
    const std::lock_guard lock(mutex_);
    return joined_;
  }
  std::uint64_t adopted() const {
    const std::lock_guard lock(mutex_);
    return adopted_;
  }
  /// Results that wait for the disk, as of an earlier call of this.
  std::uint64_t uncommitted() {
    call([this](dispatch_desk& desk, time_point now) {
      const std::lock_guard lock(mutex_);
      uncommitted_ = desk.core.status(now).uncommitted;
    });
    const std::lock_guard lock(mutex_);
    return uncommitted_;
  }
  /// Wishes that have not ended, as of an earlier call of this.
  std::size_t waiting() {
    call([this](dispatch_desk& desk, time_point) {
      const std::lock_guard lock(mutex_);
      waiting_ = desk.waiting();
    });
    const std::lock_guard lock(mutex_);
    return waiting_;
  }
  const dispatch_actor& actor() const { return dispatch_; }
  std::uint16_t port() const { return port_; }

  recording_log log;

 private:
  steady_time time_;
  seeded_random random_{1};
  mutable std::mutex mutex_;
  std::map<std::uint64_t, int> ended_;
  std::map<std::string, int> by_node_;
  int failed_ = 0, joined_ = 0, lost_ = 0;
  std::uint64_t adopted_ = 0, uncommitted_ = 0;
  std::size_t waiting_ = 0;

 public:
  tls_system system;  // after all that its actors use

 private:
  journal_actor journal_;
  dispatch_actor dispatch_;
  caf::actor gate_;
  std::uint16_t port_ = 0;
};

/// A node that does what `work` says, or keeps attempts until they are released.
class node_process {
 public:
  node_process(const certificate_authority& authority, const role_keys& keys, std::uint16_t port,
               const std::string& name, std::uint64_t serial, bool holds = false)
      : holds_(holds), system(authority.issue(name)) {
    const logger_guard forget;
    node_agent_options what;
    what.offer.incarnation.value.bytes.fill(static_cast<std::uint8_t>(serial));
    what.offer.domains = {{4000, GiB, {}, 64, "0-3"}};
    node_dependencies with;
    with.clock = &time_;
    with.run = [this](const agent_commands::start& one, const cancel_token& token,
                      std::function<void(control::attempt_end)> done) {
      (void)token;
      const std::lock_guard lock(mutex_);
      ++started_[one.what->key];
      if (holds_)
        held_.push_back(std::move(done));
      else
        done(end_of(one));
    };
    with.on_end = [this](const error*) {
      const std::lock_guard lock(mutex_);
      over_ = true;
    };
    actor_ = system->spawn(node, std::move(with), std::make_shared<node_agent>(what));
    control_dialler_dependencies how;
    how.self = keys.identity(role::node, name, serial);
    how.verifier = &keys.verifier;
    how.random = &random_;
    how.clock = &time_;
    how.log = &log;
    how.trust = [&keys] { return keys.trust(); };
    how.sink = actor_;
    how.dial = [this, port] { return dial_tls(*system, to(port, seconds(5))); };
    how.again_max = milliseconds(200);
    dialler_ = system->spawn(control_dialler, std::move(how));
    caf::anon_send(actor_, atom::dial_v, dialler_);
  }
  ~node_process() {
    const logger_guard forget;
    caf::anon_send_exit(dialler_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
    dialler_ = nullptr;
    actor_ = nullptr;
  }

  void leave() {
    const logger_guard forget;
    caf::anon_send(actor_, atom::rest_v, std::string("maintenance"));
  }
  std::size_t held() const {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  bool over() const {
    const std::lock_guard lock(mutex_);
    return over_;
  }
  /// What it keeps has ended; what comes later ends at once.
  void release() {
    const std::lock_guard lock(mutex_);
    holds_ = false;
    for (auto& done : std::exchange(held_, {})) done(success());
  }
  std::map<digest, int> started() const {
    const std::lock_guard lock(mutex_);
    return started_;
  }

  recording_log log;

 private:
  static control::attempt_end success() {
    control::attempt_end out;
    out.result.status = attempt_status::succeeded;
    out.result.wall = milliseconds(1);
    return out;
  }
  static control::attempt_end end_of(const agent_commands::start&) { return success(); }

  steady_time time_;
  seeded_random random_{3};
  mutable std::mutex mutex_;
  bool holds_, over_ = false;
  std::vector<std::function<void(control::attempt_end)>> held_;
  std::map<digest, int> started_;

 public:
  tls_system system;  // after all that its actors use

 private:
  node_actor actor_;
  caf::actor dialler_;
};

class cluster : public ::testing::Test {
 protected:
  std::size_t committed() const { return disk_.rows.rows(table::action_cache); }
  static bool each_once(const std::map<std::uint64_t, int>& ended) {
    return std::ranges::all_of(ended, [](const auto& one) { return one.second == 1; });
  }

  temporary_folder folder_;
  certificate_authority authority_{folder_, "control"};
  role_keys keys_;
  coordinator_disk disk_;
};

}  // namespace graphite::test
