#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <queue>
#include <random>
#include <sstream>

#include "bench/workloads.hpp"
#include "coordinator/cluster/scheduler.hpp"
#include "coordinator/critical_paths.hpp"

namespace graphite::bench {

namespace {

/// Actions, each after all it needs.
struct made_shape {
  std::string name;
  std::vector<std::uint64_t> cost_ms;
  std::vector<std::vector<std::uint32_t>> needs;
  std::vector<std::uint64_t> critical_ms = {},
                             learned_ms = {};  ///< by the true costs; by those off by up to a half
  std::vector<std::vector<std::uint32_t>> users = {};

  std::uint32_t add(std::uint64_t cost, std::vector<std::uint32_t> of = {}) {
    cost_ms.push_back(cost);
    needs.push_back(std::move(of));
    return static_cast<std::uint32_t>(cost_ms.size() - 1);
  }
  std::size_t size() const { return cost_ms.size(); }

  /// Critical paths as a view finds them.
  void finish() {
    graph nodes;
    for (std::uint32_t i = 0; i < size(); ++i) {
      const auto a = nodes.add_action(*nodes.intern(fmt::format("{}.in", i)), 0);
      nodes.set_outputs(a, {*nodes.intern(fmt::format("{}.out", i))});
      std::vector<graph_edge> edges{graph_edge::to(nodes.main_input(a), edge_kind::declared)};
      for (const auto other : needs[i])
        edges.push_back(graph_edge::to(nodes.outputs(other).front(), edge_kind::scanned));
      nodes.set_inputs(a, std::move(edges));
    }
    critical_paths chains(nodes), misjudged(nodes);
    std::mt19937 random(5);
    std::vector<std::uint64_t> believed;
    for (const auto cost : cost_ms)
      believed.push_back(std::max<std::uint64_t>(cost * (50 + random() % 101) / 100, 1));
    users.resize(size());
    for (std::uint32_t i = 0; i < size(); ++i) {
      critical_ms.push_back(chains.of(i, [this](action_index a) { return cost_ms[a]; }));
      learned_ms.push_back(misjudged.of(i, [&](action_index a) { return believed[a]; }));
      for (const auto other : needs[i]) users[other].push_back(i);
    }
  }
};

made_shape short_and_long() {
  made_shape out{"400 short + 1 long", {}, {}};
  for (int i = 0; i < 400; ++i) out.add(10);
  out.add(2'000);
  return out;
}

made_shape layered(std::uint32_t seed) {
  std::mt19937 random(seed);
  made_shape out{fmt::format("layered {}", seed), {}, {}};
  std::vector<std::uint32_t> before, now;
  for (int layer = 0; layer < 15; ++layer) {
    for (int i = 0; i < 40; ++i) {
      std::vector<std::uint32_t> of;
      for (int r = 0; r < 3 && !before.empty(); ++r) of.push_back(before[random() % before.size()]);
      std::sort(of.begin(), of.end());
      of.erase(std::unique(of.begin(), of.end()), of.end());
      now.push_back(out.add(20 + random() % 400, std::move(of)));
    }
    before = std::exchange(now, {});
  }
  return out;
}

/// Four trees of 96 leaves into eight into one, and one over all.
made_shape fan_in() {
  std::mt19937 random(3);
  made_shape out{"fan-in", {}, {}};
  std::vector<std::uint32_t> roots;
  for (int tree = 0; tree < 4; ++tree) {
    std::vector<std::uint32_t> middle;
    for (int m = 0; m < 8; ++m) {
      std::vector<std::uint32_t> leaves;
      for (int i = 0; i < 12; ++i) leaves.push_back(out.add(30 + random() % 200));
      middle.push_back(out.add(100 + random() % 300, std::move(leaves)));
    }
    roots.push_back(out.add(500, std::move(middle)));
  }
  out.add(300, std::move(roots));
  return out;
}

made_shape from_file(const std::string& name) {
  made_shape out{name, {}, {}};
  std::ifstream in(GRAPHITE_SOURCE_FOLDER "/bench/graphs/" + name + ".txt");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::uint64_t cost = 0;
    words >> cost;
    std::vector<std::uint32_t> of;
    for (std::uint32_t one = 0; words >> one;) of.push_back(one);
    out.add(cost, std::move(of));
  }
  return out;
}

/// What is ready, by the greatest value, on so many slots: milliseconds.
std::uint64_t list_schedule(const made_shape& shape, const std::vector<double>& value, std::size_t slots) {
  std::vector<std::uint32_t> missing(shape.size());
  std::priority_queue<std::pair<double, std::uint32_t>> ready;
  std::priority_queue<std::pair<std::uint64_t, std::uint32_t>,
                      std::vector<std::pair<std::uint64_t, std::uint32_t>>, std::greater<>>
      running;
  for (std::uint32_t i = 0; i < shape.size(); ++i)
    if ((missing[i] = static_cast<std::uint32_t>(shape.needs[i].size())) == 0) ready.emplace(value[i], i);
  std::uint64_t now = 0;
  for (;;) {
    while (!ready.empty() && running.size() < slots) {
      const auto next = ready.top().second;
      ready.pop();
      running.emplace(now + shape.cost_ms[next], next);
    }
    if (running.empty()) return now;
    const auto [when, done] = running.top();
    running.pop();
    now = when;
    for (const auto user : shape.users[done])
      if (--missing[user] == 0) ready.emplace(value[user], user);
  }
}

/// The best of so many: half of them in random orders, half by critical paths that are each a little off.
std::uint64_t best_of(const made_shape& shape, std::size_t slots, int schedules) {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> any(0, 1), off(0.7, 1.3);
  std::vector<double> value(shape.size());
  auto best = ~std::uint64_t{0};
  for (int round = 0; round < schedules; ++round) {
    for (std::size_t i = 0; i < value.size(); ++i)
      value[i] = round % 2 == 0 ? any(random) : static_cast<double>(shape.critical_ms[i]) * off(random);
    best = std::min(best, list_schedule(shape, value, slots));
  }
  return best;
}

/// The same graph through the scheduler, in virtual time: nodes of up to eight slots that start what they are
/// sent in order.
class simulated_build {
 public:
  simulated_build(const made_shape& shape, const std::vector<std::uint64_t>& critical_ms, std::size_t slots)
      : shape_(shape), critical_ms_(critical_ms), scheduler_(options()) {
    const auto of_node = std::min<std::size_t>(slots, 8);
    for (std::size_t i = 0; i < slots / of_node; ++i) {
      node_hello hello{fmt::format("node-{}", i), {}, {}, {}, {}};
      hello.domains = {{.cpu_milli = static_cast<std::uint32_t>(of_node) * 1'000}};
      sessions_.push_back(scheduler_.hello(hello, now_)->session);
      nodes_.push_back({of_node, {}});
    }
    job_ = *scheduler_.open_job(*scheduler_.add_tenant({}));
    needs_ = *scheduler_.shape({});
    rule_ = scheduler_.rule(1);
  }

  std::uint64_t run() {
    std::vector<std::uint32_t> missing(shape_.size());
    for (std::uint32_t i = 0; i < shape_.size(); ++i)
      if ((missing[i] = static_cast<std::uint32_t>(shape_.needs[i].size())) == 0) submit(i);
    const auto begin = now_;
    give_out();
    while (!running_.empty()) {
      now_ = running_.top().ends;
      while (!running_.empty() && running_.top().ends == now_) {
        const auto done = running_.top();
        running_.pop();
        ++nodes_[done.node].free;
        start_waiting(done.node);
        const duration took = milliseconds(shape_.cost_ms[done.action]);
        (void)scheduler_.finished(sessions_[done.node],
                                  {done.attempt, report_kind::succeeded, {}, took, took, 0, {}}, now_);
        for (const auto user : shape_.users[done.action])
          if (--missing[user] == 0) submit(user);
      }
      (void)scheduler_.heard(sessions_.front(), epoch_number{1}, now_);
      give_out();
    }
    return static_cast<std::uint64_t>((now_ - begin) / milliseconds(1));
  }

 private:
  struct sent {
    attempt_key attempt;
    std::uint32_t action = 0;
    std::size_t node = 0;
    time_point ends{};
    bool operator>(const sent& other) const {
      return std::tie(ends, action) > std::tie(other.ends, other.action);
    }
  };
  struct node {
    std::size_t free = 0;
    std::deque<sent> waiting;
  };

  static scheduler_options options() {
    scheduler_options out;
    out.epoch = epoch_number{1};
    out.leases.ttl = std::chrono::hours(1'000);
    return out;
  }

  void submit(std::uint32_t action) {
    task_spec one;
    one.job = job_;
    one.cookie = action;
    one.shape = needs_;
    one.rule = rule_;
    one.critical_ns = critical_ms_[action] * 1'000'000;
    one.expected_ns = std::max<std::uint64_t>(shape_.cost_ms[action], 1) * 1'000'000;
    (void)scheduler_.submit(one, now_);
  }

  void give_out() {
    for (const auto& command : scheduler_.step(now_)) {
      const auto* one = std::get_if<schedule_commands::assign>(&command);
      if (one == nullptr) continue;
      const auto at = std::find(sessions_.begin(), sessions_.end(), one->session) - sessions_.begin();
      nodes_[static_cast<std::size_t>(at)].waiting.push_back(
          {one->attempt, static_cast<std::uint32_t>(one->cookie), static_cast<std::size_t>(at), {}});
      start_waiting(static_cast<std::size_t>(at));
    }
  }

  void start_waiting(std::size_t at) {
    auto& here = nodes_[at];
    while (here.free > 0 && !here.waiting.empty()) {
      auto next = here.waiting.front();
      here.waiting.pop_front();
      --here.free;
      next.ends = now_ + milliseconds(shape_.cost_ms[next.action]);
      running_.push(next);
    }
  }

  const made_shape& shape_;
  const std::vector<std::uint64_t>& critical_ms_;
  scheduler scheduler_;
  time_point now_ = time_from_ns(1'000'000'000);
  std::vector<node_session> sessions_;
  std::vector<node> nodes_;
  std::priority_queue<sent, std::vector<sent>, std::greater<>> running_;
  job_index job_ = 0;
  shape_index needs_ = 0;
  rule_index rule_ = 0;
};

}  // namespace

report run_makespan(const bench_options& options) {
  report out;
  std::vector<made_shape> shapes{short_and_long(), layered(1),          layered(2),
                                 fan_in(),         from_file("pixman"), from_file("libjpeg-turbo")};
  const int schedules = options.quick ? 100 : 10'000;
  double worst = -100, worst_misjudged = -100;
  int anomalies = 0;
  for (auto& shape : shapes) {
    shape.finish();
    std::uint64_t before = ~std::uint64_t{0};
    std::string line = shape.name + ", ms against the best:";
    for (const std::size_t slots : {2u, 4u, 8u, 16u, 64u}) {
      const auto best = static_cast<double>(std::max<std::uint64_t>(best_of(shape, slots, schedules), 1));
      const auto over = [&](std::uint64_t took) { return 100 * (static_cast<double>(took) / best - 1); };
      const auto ours = simulated_build(shape, shape.critical_ms, slots).run();
      worst = std::max(worst, over(ours));
      worst_misjudged =
          std::max(worst_misjudged, over(simulated_build(shape, shape.learned_ms, slots).run()));
      if (ours > before) ++anomalies;
      before = ours;
      line += fmt::format(" {} on {} ({:+.1f} %)", ours, slots, over(ours));
    }
    out.notes.push_back(std::move(line));
  }
  out.figures.push_back({"worst_over_best_pct", worst, "%", better::lower, 5, {}, {}});
  out.figures.push_back({"anomalies", static_cast<double>(anomalies), "", better::lower, 0, {}, {}});
  out.figures.push_back({"misjudged_over_best_pct", worst_misjudged, "%", better::lower, {}, {}, {}});
  out.notes.push_back(
      fmt::format("best: of {} list schedules a graph and number of slots; misjudged: chains of durations "
                  "that are off by up to a half",
                  schedules));
  return out;
}

}  // namespace graphite::bench
