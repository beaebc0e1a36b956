// The processes of the bench `dispatch`: a coordinator's control side, and nodes that do next to nothing.
//   dispatch_program coordinator KEYS STATE COUNT IN_FLIGHT
//   dispatch_program node KEYS PORT
// The coordinator prints {"event":"ready","port":…}, waits for two nodes, keeps IN_FLIGHT actions of COUNT
// under way, then gives out as many again at half the rate that it had, and prints what that took.
#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "actors/cluster/dispatch.hpp"
#include "actors/cluster/node_system.hpp"
#include "actors/journal.hpp"
#include "actors/logger_guard.hpp"
#include "actors/tls.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "cli/control_keys.hpp"
#include "cli/log_setup.hpp"
#include "coordinator/action_key.hpp"
#include "coordinator/cluster/result_rows.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/crypto/ssl_calls.hpp"
#include "platform/linux/clock.hpp"
#include "platform/rocksdb/rocks_store.hpp"

namespace graphite {
namespace {

[[noreturn]] void give_up(const std::string& text) {
  fmt::print(stderr, "dispatch_program: {}\n", text);
  std::exit(1);
}

template <class T>
T need(result<T> what) {
  if (!what) give_up(what.error().context);
  return std::move(*what);
}
void need(const result<void>& what) {
  if (!what) give_up(what.error().context);
}

byte_vector small_bytes(std::uint64_t number, std::byte last) {
  byte_vector out(32);
  std::memcpy(out.data(), &number, sizeof number);
  out.back() = last;
  return out;
}

content_ref content_named(const byte_vector& bytes, const hasher& hash) {
  return content_of(chunk_bytes(bytes, hash), hash);
}

/// One small output of its one small input.
control::attempt_end answer_of(const control::assignment& what, const hasher& hash) {
  control::attempt_end out;
  out.result.status = attempt_status::succeeded;
  auto bytes = what.bodies.at(0);
  bytes.back() = std::byte{2};
  out.result.outputs = {{what.main_input, content_named(bytes, hash), {}}};
  out.bodies.push_back(std::move(bytes));
  return out;
}

int run_node(const std::string& keys_folder, std::uint16_t port) {
  system_clock_source clock;
  const auto log = make_log("warning", false);
  const auto keys = need(control_keys::load(keys_folder, role::node, clock));
  const openssl_hasher hash;
  std::mutex mutex;
  std::condition_variable over;
  bool ended = false;
  node_system_options how;
  how.port = port;
  how.security = keys->security();
  how.give_up = give_up_dials;
  how.why_refused = take_dial_refusal;
  how.clock = &clock;
  how.log = log.get();
  how.agent.offer.incarnation = keys->incarnation();
  how.agent.offer.domains = {{4'000, GiB, {}, 1'024, ""}};
  how.run = [&hash](const agent_commands::start& one, const cancel_token&,
                    const std::function<void(control::attempt_end)>& done) {
    done(answer_of(*one.what, hash));
  };
  how.on_end = [&](const error*) {
    const std::lock_guard lock(mutex);
    ended = true;
    over.notify_all();
  };
  const auto system = need(make_node_system(std::move(how)));
  std::unique_lock lock(mutex);
  over.wait(lock, [&] { return ended; });
  return 0;
}

/// A coordinator's control side in this process, its clients included.
class bench_coordinator {
 public:
  bench_coordinator(const std::string& keys_folder, const std::string& state)
      : log_(make_log("warning", false)),
        keys_(need(control_keys::load(keys_folder, role::coordinator, clock_))),
        rows_(need(rocks_store::open({.folder = state}, *log_))) {
    const auto by = keys_->security();
    config_.set("logger.verbosity", caf::atom("quiet"));
    config_.set("scheduler.policy", caf::atom("sharing"));
    config_.set("scheduler.max-threads", std::size_t{2});
    need(use_tls(config_, by.files, {by.check_files, by.check_calls}));
    system_ = std::make_unique<caf::actor_system>(config_);
    journal_ = system_->spawn<caf::detached>(
        journal, journal_dependencies{rows_.get(), nullptr, log_.get(),
                                      [](const error& why) { give_up(why.context); }});
    dispatcher_options how;
    how.schedule.epoch.value = 1;
    dispatch_dependencies with;
    with.clock = &clock_;
    with.log = log_.get();
    with.journal = journal_;
    with.rows_of = [](const commit_batch& batch) {
      return result_rows(batch, 1, [](const auto&) { return false; });
    };
    with.on_event = [this](const dispatch_command& what, dispatch_desk&) {
      if (std::holds_alternative<dispatch_commands::node_came>(what)) ++nodes_, nodes_.notify_all();
    };
    dispatch_ = system_->spawn(
        dispatch, std::move(with),
        std::make_shared<dispatch_desk>(dispatcher(how, std::make_shared<const openssl_hasher>())));
    control_gate_dependencies at;
    at.self = by.self;
    at.hello.wanted = {role::node};
    at.verifier = by.verifier;
    at.random = by.random;
    at.clock = &clock_;
    at.log = log_.get();
    at.trust = by.trust;
    at.sink = dispatch_;
    gate_ = system_->spawn(control_gate, std::move(at));
    caf::anon_send(dispatch_, atom::dial_v, gate_);
    port_ = need(listen_tls(gate_, 0, "127.0.0.1"));
  }
  ~bench_coordinator() {
    stop_listening(gate_, port_);
    for (const auto& one : {caf::actor_cast<caf::actor>(gate_), caf::actor_cast<caf::actor>(dispatch_),
                            caf::actor_cast<caf::actor>(journal_)})
      caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    gate_ = nullptr;
    dispatch_ = nullptr;
    journal_ = nullptr;
  }

  std::uint16_t port() const { return port_; }
  void wait_for_nodes(int count) const {
    for (int here = nodes_; here < count; here = nodes_) nodes_.wait(here);
  }

  /// Submits actions of these numbers; returns at once. `due`: when each was to be submitted, from which its
  /// time counts; null: now.
  void submit(std::uint64_t first, std::uint64_t count,
              const std::function<time_point(std::uint64_t)>& due = nullptr) {
    const auto called = clock_.now();
    {
      const std::lock_guard lock(mutex_);
      under_way_ += count;
    }
    caf::anon_send(dispatch_, atom::answer_v,
                   std::make_shared<const dispatch_call>(
                       dispatch_call{[this, first, count, due, called](dispatch_desk& desk, time_point now) {
                         if (!recipe_) open_job(desk);
                         for (auto i = first; i < first + count; ++i) {
                           auto bytes = small_bytes(i, std::byte{1});
                           const auto input = content_named(bytes, hash_);
                           dispatch_task task{*job_,
                                              task_class::job,
                                              0,
                                              hash_.sha256(bytes),
                                              *recipe_,
                                              name_,
                                              {{name_, input, true, {}}},
                                              {std::move(bytes)},
                                              {},
                                              {},
                                              0,
                                              0,
                                              now,
                                              0};
                           const auto begun = due ? due(i) : called;
                           const auto done = [this, begun](const dispatch_commands::done& how) {
                             if (how.how != task_end::finished) give_up("an action did not end well");
                             const auto took = clock_.now() - begun;
                             const std::lock_guard lock(mutex_);
                             took_.push_back(took);
                             if (--under_way_ % 64 == 0) changed_.notify_all();
                           };
                           if (const auto taken = desk.submit(std::move(task), done, now); !taken)
                             give_up(taken.error().context);
                         }
                       }}));
  }
  /// Until at most `count` are under way.
  void wait(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return under_way_ <= count; });
  }
  std::vector<duration> take_times() {
    const std::lock_guard lock(mutex_);
    return std::exchange(took_, {});
  }
  std::uint64_t committed(std::uint64_t count) const {
    std::uint64_t out = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto row =
          rows_->get(table::action_cache, cache_row_key(hash_.sha256(small_bytes(i, std::byte{1}))));
      if (!row || !*row) continue;
      const auto read = decode_cache_row(**row);
      out += read &&
             read->results.at(0).outputs.at(0).content == content_named(small_bytes(i, std::byte{2}), hash_);
    }
    return out;
  }

 private:
  void open_job(dispatch_desk& desk) {
    job_ = need(desk.core.open_job(need(desk.core.tenant("main", {}))));
    control::recipe how;
    how.rule = "small";
    command_spec what;
    what.argv = {"true"};
    how.command = std::make_shared<const command_spec>(what);
    recipe_ = need(desk.core.add_recipe(how));
  }

  system_clock_source clock_;
  const openssl_hasher hash_;
  const logical_path name_ = *logical_path::parse("in");
  std::unique_ptr<log_sink> log_;
  std::unique_ptr<control_keys> keys_;
  std::unique_ptr<rocks_store> rows_;
  std::optional<job_index> job_;
  std::optional<recipe_id> recipe_;
  std::atomic<int> nodes_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t under_way_ = 0;
  std::vector<duration> took_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  journal_actor journal_;
  dispatch_actor dispatch_;
  caf::actor gate_;
  std::uint16_t port_ = 0;
};

double percentile_ms(std::vector<duration>& times, double share) {
  std::ranges::sort(times);
  return static_cast<double>(
             times.at(static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))).count()) /
         1e6;
}

int run_coordinator(const std::string& keys, const std::string& state, std::uint64_t count,
                    std::uint64_t in_flight) {
  bench_coordinator all(keys, state);
  fmt::print("{}\n", nlohmann::json{{"event", "ready"}, {"port", all.port()}}.dump());
  std::fflush(stdout);
  all.wait_for_nodes(2);
  constexpr std::uint64_t step = 256;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < count; i += step) {
    all.wait(in_flight);
    all.submit(i, std::min(step, count - i));
  }
  all.wait(0);
  const std::chrono::duration<double> seconds_taken = std::chrono::steady_clock::now() - begin;
  auto full = all.take_times();
  const double rate = static_cast<double>(count) / seconds_taken.count();
  // Half of that, in steps of a millisecond.
  const auto at_half = std::chrono::steady_clock::now();
  const auto due_at = [&](std::uint64_t number) {
    return at_half + duration(static_cast<std::int64_t>(2e9 * static_cast<double>(number - count) / rate));
  };
  std::uint64_t given = 0;
  while (given < count / 4) {
    const std::chrono::duration<double> since = std::chrono::steady_clock::now() - at_half;
    const auto due = std::min<std::uint64_t>(count / 4, static_cast<std::uint64_t>(since.count() * rate / 2));
    if (due > given) all.submit(count + given, due - given, due_at);
    given = due;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  all.wait(0);
  auto half = all.take_times();
  fmt::print("{}\n", nlohmann::json{{"event", "done"},
                                    {"actions_per_s", rate},
                                    {"p50_ms", percentile_ms(full, 0.5)},
                                    {"p50_ms_half_load", percentile_ms(half, 0.5)},
                                    {"p99_ms_half_load", percentile_ms(half, 0.99)},
                                    {"committed", all.committed(count + given)},
                                    {"submitted", count + given}}
                         .dump());
  std::fflush(stdout);
  return 0;
}

}  // namespace
}  // namespace graphite

int main(int argc, char** argv) {
  using namespace graphite;
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 3 && words[0] == "node")
    return run_node(words[1], static_cast<std::uint16_t>(std::stoul(words[2])));
  if (words.size() == 5 && words[0] == "coordinator")
    return run_coordinator(words[1], words[2], std::stoull(words[3]), std::stoull(words[4]));
  fmt::print(stderr, "usage: dispatch_program coordinator KEYS STATE COUNT IN_FLIGHT | node KEYS PORT\n");
  return 2;
}
