#include <gtest/gtest.h>

#include <algorithm>

#include "tests/coordinator/cluster/cluster_world.hpp"

namespace graphite::test {
namespace {

/// One random history: jobs of two tenants come and go while nodes die, freeze, drain and come back and the
/// coordinator restarts. What must hold at every moment the world checks itself.
struct history {
  explicit history(std::uint32_t seed_given) : seed(seed_given), w(options_of(seed_given)) {
    w.random.seed(seed);
    w.latency = seed % 3 == 0 ? duration{} : microseconds(w.random() % 20'000);
    task_needs large{.cpu_milli = 3'000}, gpu, pooled{.pool = w.pool(2)};
    gpu.resources[0] = {0, 1};
    shapes = {w.shape({}), w.shape(large), w.shape(gpu), w.shape(pooled),
              w.shape({.memory_bytes = 20 * GiB})};
    for (int i = 0; i < 4; ++i) {
      const auto name = std::string(1, static_cast<char>('a' + i));
      w.nodes[name].name = name;
      w.nodes[name].capacities.assign(1 + static_cast<std::size_t>(i) % 2,
                                      {.cpu_milli = 4'000, .memory_bytes = 32 * GiB, .resources = {1}});
      w.start(name);
      names.push_back(name);
    }
    const auto a = w.tenant(), b = w.tenant({.weight = 300, .cpu_milli_max = 9'000});
    jobs = {w.job(a), w.job(a), w.job(b)};
  }

  static scheduler_options options_of(std::uint32_t seed) {
    auto out = cluster_world::default_options();
    out.leases.ttl = seconds(2);
    out.retries.deaths_max = seed % 4 == 0 ? 3 : 4;
    out.retries.budget.fill(255);
    if (seed % 2 == 0) out.hedging.recheck_ppm = 200'000;
    if (seed % 5 == 0) out.hedging.after_min = milliseconds(20);
    out.hedging.compare_max = seconds(1);
    out.orphan_patience = seconds(5);
    return out;
  }

  std::uint64_t draw(std::uint64_t below) { return w.random() % below; }
  cluster_world::fake_node& some_node() { return w.nodes.at(names[draw(names.size())]); }

  void submit_some() {
    for (auto i = draw(12); i > 0; --i) {
      work one;
      one.id = draw(4) == 0 ? 1 + draw(std::max<std::uint64_t>(next, 1)) : ++next;
      if (w.works.count(one.id) != 0)
        one = w.works.at(one.id);  // another who wants the same
      else {
        one.takes = draw(3) == 0 ? duration(milliseconds(1 + draw(2'000)))
                                 : duration(microseconds(100 + draw(3'000)));
        one.shape = shapes[draw(shapes.size())];
        one.rule = static_cast<rule_index>(draw(3));
        one.critical = milliseconds(draw(5'000));
        one.refused = draw(15) == 0 ? static_cast<int>(draw(3)) : 0;
        one.refusal = draw(2) == 0 ? report_kind::refused : report_kind::lost_input;
        one.fails = draw(20) == 0;
        one.kills = seed % 4 == 0 && draw(60) == 0;
        if (draw(2) == 0) one.inputs = {{draw(20), MiB}};
      }
      one.level = static_cast<task_class>(draw(task_class_count));
      const auto waiter = w.submit(jobs[draw(jobs.size())], one);
      if (waiter != waiter_id{}) waiters.push_back(waiter);
    }
    w.step();
  }

  void trouble() {
    auto& node = some_node();
    const auto later = w.now + milliseconds(draw(2'000));
    switch (draw(9)) {
      case 0:
        if (node.alive) w.die(node.name, draw(2) == 0);
        return;
      case 1:
      case 2:
        if (!node.alive) w.start(node.name);
        return;
      case 3:
        return w.cut(node.name);
      case 4:
      case 5:
        return w.heal(node.name);
      case 6:
        ASSERT_TRUE(
            w.sched().set_service(node.name, static_cast<lease_table::service>(draw(3)), later, w.now));
        return;
      case 7:
        if (!waiters.empty()) w.cancel(waiters[draw(waiters.size())]);
        return;
      case 8:
        if (draw(4) != 0) return;
        w.restart_coordinator(draw(4) != 0);
        waiters.clear();
        if (draw(2) == 0) w.run_for(milliseconds(draw(1'000)));
        w.submit_again();
        return;
    }
  }

  void heal_all() {
    for (const auto& name : names) {
      ASSERT_TRUE(w.sched().set_service(name, lease_table::service::in, w.now, w.now));
      w.heal(name);
      if (!w.nodes.at(name).alive) w.start(name);
    }
    w.step();
  }

  void run() {
    for (int i = 0; i < 150; ++i) {
      if (draw(3) == 0) submit_some();
      if (draw(4) == 0) trouble();
      w.run_for(milliseconds(draw(200)));
      if (w.latency == duration{} && all_here()) w.check_agreement();
    }
    heal_all();
    for (int i = 0; i < 1'000 && !w.settle(milliseconds(500)); ++i)
      for (const auto& name : names)
        if (!w.nodes.at(name).alive) w.start(name);
  }

  std::string left() const {
    std::string out;
    for (const auto& [id, count] : w.asked)
      if (count > 0) {
        const auto& what = w.works.at(id);
        out += "\n" + std::to_string(id) + " shape " + std::to_string(what.shape) + " level " +
               std::to_string(static_cast<int>(what.level)) + (what.kills ? " kills" : "") + " refused " +
               std::to_string(what.refused) + " began " +
               std::to_string(w.began.count(id) ? w.began.at(id) : 0);
        for (const auto& name : w.where(id)) out += " " + name;
      }
    for (const auto& one : w.status().domains)
      out += "\ndomain " + std::to_string(one.domain) + " node " + std::to_string(one.node) +
             (one.open ? "" : " closed") + " running " + std::to_string(one.running) + " ahead " +
             std::to_string(one.ahead);
    return out;
  }

  bool all_here() const {
    return std::all_of(w.nodes.begin(), w.nodes.end(), [](const auto& one) {
      return one.second.alive && one.second.reachable && one.second.greeted;
    });
  }

  std::uint32_t seed;
  cluster_world w;
  std::vector<shape_index> shapes;
  std::vector<job_index> jobs;
  std::vector<std::string> names;
  std::vector<waiter_id> waiters;
  std::uint64_t next = 0;
};

TEST(scheduler_property, whatever_happens_all_that_is_wanted_ends_and_is_committed_once) {
  std::uint64_t begun = 0, committed = 0, fenced = 0, adopted = 0;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    history h(seed);
    h.run();
    ASSERT_TRUE(h.w.settle(seconds(60))) << "seed " << seed << h.left();
    for (const auto& [id, what] : h.w.works)
      if (h.w.asked[id] == 0 && !h.w.ended[id].empty() && h.w.ended[id].back() == task_end::finished) {
        ASSERT_EQ(h.w.commits[id], 1) << id << " of seed " << seed;
      }
    h.w.run_for(seconds(10));
    ASSERT_EQ(h.w.status().tasks, 0u) << "seed " << seed;
    ASSERT_EQ(h.w.status().delayed + h.w.status().hedged, 0u) << "seed " << seed;
    for (const auto& one : h.w.status().domains) {
      ASSERT_EQ(one.cpu_milli_used + one.memory_bytes_used, 0u) << "seed " << seed;
      ASSERT_TRUE(one.open) << "seed " << seed;
    }
    for (const auto& [id, count] : h.w.commits) committed += static_cast<std::uint64_t>(count);
    begun += h.w.order.size();
    fenced += static_cast<std::uint64_t>(h.w.uses[report_use::fenced]);
    adopted += h.w.adopted;
    if (HasFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(committed, 20'000u);
  EXPECT_GT(begun, committed);
  EXPECT_GT(fenced, 100u);
  EXPECT_GT(adopted, 100u);
}

TEST(scheduler_property, a_history_replays_exactly) {
  const auto order = [](std::uint32_t seed) {
    history h(seed);
    h.run();
    return h.w.order;
  };
  for (const std::uint32_t seed : {3u, 4u, 10u}) EXPECT_EQ(order(seed), order(seed));
}

}  // namespace
}  // namespace graphite::test
