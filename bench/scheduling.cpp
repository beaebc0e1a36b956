#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>

#include "bench/workloads.hpp"
#include "coordinator/cluster/scheduler.hpp"

namespace graphite::bench {

namespace {

digest random_digest(std::mt19937_64& random) {
  digest out;
  for (std::size_t i = 0; i < out.bytes.size(); i += 8) {
    const auto word = random();
    for (std::size_t b = 0; b < 8; ++b) out.bytes[i + b] = static_cast<std::uint8_t>(word >> 8 * b);
  }
  return out;
}

/// A scheduler with 64 domains of 16 nodes that is kept at `pending` waiting tasks, each with a key of its
/// own and two inputs: what one task costs it, from submission to result, in microseconds.
struct steady_load {
  struct given {
    node_session session;
    attempt_key attempt;
  };
  scheduler what;
  std::vector<job_index> jobs;
  std::vector<shape_index> shapes;
  std::vector<rule_index> rules;
  std::deque<given> running;
  std::mt19937_64 random{7};
  time_point now = time_from_ns(1'000'000'000);
  std::size_t assigned = 0, done = 0;

  explicit steady_load(const scheduler_options& options) : what(options) {
    for (int i = 0; i < 16; ++i) {
      node_hello hello{fmt::format("node-{}", i), {}, {}, {}, {}};
      hello.domains.assign(4, {.cpu_milli = 8'000, .memory_bytes = 64 * GiB});
      if (!what.hello(hello, now)) give_up("hello");
    }
    for (std::uint32_t i = 0; i < 4; ++i)
      jobs.push_back(*what.open_job(*what.add_tenant({.weight = 128 * (i + 1)})));
    const auto pool = *what.pool(1, 100);
    shapes = {*what.shape({}), *what.shape({.cpu_milli = 2'000}), *what.shape({.memory_bytes = 2 * GiB}),
              *what.shape({.pool = pool})};
    for (std::uint64_t i = 0; i < 20; ++i) rules.push_back(what.rule(i));
  }

  [[noreturn]] static void give_up(const std::string& why) {
    fmt::print(stderr, "graphite-bench: schedule: {}\n", why);
    std::exit(1);
  }

  struct made_task {
    task_spec spec;
    std::array<content_use, 2> inputs;
  };
  std::deque<made_task> made;

  /// Makes tasks up before they are asked for: that is not the scheduler's work.
  void make(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto& one = made.emplace_back();
      one.inputs = {{{random() % 50'000, 100 * KiB}, {random() % 50'000, 20 * KiB}}};
      one.spec.job = jobs[random() % jobs.size()];
      one.spec.level = static_cast<task_class>(2 + random() % 3);
      one.spec.key = random_digest(random);
      one.spec.shape = shapes[random() % 8 < 5 ? 0 : random() % shapes.size()];
      one.spec.rule = rules[random() % rules.size()];
      one.spec.critical_ns = random() % 1'000'000'000;
    }
  }

  void submit(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto& one = made.front();
      one.spec.wanted_since = now;
      one.spec.inputs = one.inputs;
      if (!what.submit(one.spec, now)) give_up("submit");
      made.pop_front();
    }
  }

  void take(const schedule_command_list& commands) {
    for (const auto& command : commands) {
      if (const auto* one = std::get_if<schedule_commands::assign>(&command)) {
        running.push_back({one->session, one->attempt});
        ++assigned;
      } else if (std::holds_alternative<schedule_commands::done>(command)) {
        ++done;
      }
    }
  }

  /// One batch: results of the oldest `count`, as many new submissions, one step.
  void turn(std::size_t count) {
    now += microseconds(200);
    for (std::size_t i = 0; i < count && !running.empty(); ++i) {
      const auto one = running.front();
      running.pop_front();
      const content_use outputs[] = {{random(), 32}};
      const attempt_report said{one.attempt, report_kind::succeeded, {}, milliseconds(2), milliseconds(2), 0,
                                outputs};
      if (what.finished(one.session, said, now) != report_use::committed) give_up("a result was refused");
    }
    submit(count);
    take(what.step(now));
  }
};

}  // namespace

report run_schedule(const bench_options& options) {
  report out;
  for (const std::size_t pending : {1'000u, 100'000u}) {
    scheduler_options settings;
    settings.epoch = epoch_number{1};
    std::vector<double> micros;
    for (int round = 0; round < 5; ++round) {
      steady_load load(settings);
      const int turns = options.quick ? 200 : 3'000;
      load.make(pending + 64 * static_cast<std::size_t>(turns + 200));
      load.submit(pending);
      load.take(load.what.step(load.now));
      for (int i = 0; i < 200; ++i) load.turn(64);
      const auto before = load.done;
      const auto start = cpu_seconds();
      for (int i = 0; i < turns; ++i) load.turn(64);
      micros.push_back((cpu_seconds() - start) * 1e6 / static_cast<double>(load.done - before));
      if (round == 4)
        out.notes.push_back(fmt::format("{}: {} waited, {} given out and not ended", pending,
                                        load.what.status(load.now).tasks - load.running.size(),
                                        load.running.size()));
    }
    out.figures.push_back({pending == 1'000 ? "us_per_action_1k" : "us_per_action_100k",
                           median(micros),
                           "us",
                           better::lower,
                           3,
                           {},
                           {}});
  }
  out.notes.push_back(
      "64 domains of 16 nodes, 4 tenants, 3 classes, 4 shapes, a pool, two inputs a task; submission, "
      "placement and "
      "result of each, in batches of 64; CPU time");
  return out;
}

}  // namespace graphite::bench
