#include "coordinator/critical_paths.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "engine_world.hpp"

namespace graphite::test {
namespace {

/// A graph that changes at random, and what its chains are by looking at all of it.
struct random_graph {
  explicit random_graph(std::uint32_t seed) : random(seed) {
    for (int i = 0; i < 3; ++i) nodes.add_group();
    for (int i = 0; i < 40; ++i) {
      const auto a = nodes.add_action(*nodes.intern("in" + std::to_string(i)), 0);
      costs[a] = 1 + random() % 100;
      nodes.set_outputs(a, {*nodes.intern("out" + std::to_string(i))});
    }
  }
  artefact_index output(action_index a) { return nodes.outputs(a).front(); }

  /// Other edges for one action, only to such as were made before it: no cycles. One in three is to a group,
  /// whose members were made before all that use it.
  void change_edges() {
    const auto a = static_cast<action_index>(random() % 40);
    std::vector<graph_edge> edges{graph_edge::to(nodes.main_input(a), edge_kind::declared)};
    for (int i = 0; i < 3 && a > 0; ++i) {
      const auto edge = graph_edge::to(output(static_cast<action_index>(random() % a)), edge_kind::scanned);
      if (std::find(edges.begin(), edges.end(), edge) == edges.end()) edges.push_back(edge);
    }
    if (a >= 20 && random() % 3 == 0)
      edges.push_back(graph_edge::to(static_cast<group_index>(random() % 3),
                                     random() % 2 == 0 ? edge_kind::glob : edge_kind::names, true));
    chains.forget_inputs(a);
    nodes.set_inputs(a, std::move(edges));
    chains.forget_inputs(a);
  }
  void change_members() {
    const auto g = static_cast<group_index>(random() % 3);
    const auto artefact = output(static_cast<action_index>(random() % 20));
    const auto members = nodes.members(g);
    if (std::find(members.begin(), members.end(), artefact) == members.end())
      nodes.add_member(g, artefact);
    else
      nodes.remove_member(g, artefact);
    chains.forget_producer(artefact);
  }
  void change_cost() {
    const auto a = static_cast<action_index>(random() % 40);
    costs[a] = 1 + random() % 100;
    chains.forget(a);
  }

  std::uint64_t longest(action_index a) {
    std::uint64_t most = 0;
    for (const auto user : nodes.users(output(a))) {
      if (!user.group())
        most = std::max(most, longest(user.index()));
      else
        for (const auto kind : graph::group_kinds)
          for (const auto other : nodes.group_users(user.index(), kind))
            most = std::max(most, longest(other.index()));
    }
    return most + costs[a];
  }
  std::uint64_t found(action_index a) {
    return chains.of(a, [this](action_index one) { return costs.at(one); });
  }

  std::mt19937 random;
  graph nodes;
  critical_paths chains{nodes};
  std::map<action_index, std::uint64_t> costs;
};

TEST(critical_paths, are_the_longest_chains_after_any_change) {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    random_graph one(seed);
    for (int i = 0; i < 30; ++i) one.change_edges();
    for (int i = 0; i < 200; ++i) {
      switch (one.random() % 3) {
        case 0:
          one.change_edges();
          break;
        case 1:
          one.change_members();
          break;
        case 2:
          one.change_cost();
          break;
      }
      const auto a = static_cast<action_index>(one.random() % 40);
      ASSERT_EQ(one.found(a), one.longest(a)) << "action " << a << " of seed " << seed;
    }
  }
}

TEST(critical_paths, cost_nothing_the_second_time_and_what_is_lost_after_a_change) {
  random_graph one(1);
  for (int i = 0; i < 40; ++i) one.change_edges();
  for (action_index a = 0; a < 40; ++a) one.found(a);
  const auto all = one.chains.visited();
  EXPECT_LE(all, 43u);
  for (action_index a = 0; a < 40; ++a) one.found(a);
  EXPECT_EQ(one.chains.visited(), all);
  one.chains.drop(39);
  one.found(39);
  EXPECT_EQ(one.chains.visited(), all + 1);
}

TEST(critical_paths, a_cycle_has_some_length) {
  graph nodes;
  const auto a = nodes.add_action(*nodes.intern("a"), 0), b = nodes.add_action(*nodes.intern("b"), 0);
  nodes.set_outputs(a, {*nodes.intern("x")});
  nodes.set_outputs(b, {*nodes.intern("y")});
  nodes.set_inputs(a, {graph_edge::to(nodes.find("y"), edge_kind::declared)});
  nodes.set_inputs(b, {graph_edge::to(nodes.find("x"), edge_kind::declared)});
  critical_paths chains(nodes);
  EXPECT_GE(chains.of(a, [](action_index) { return std::uint64_t{5}; }), 5u);
  chains.forget(a);
  EXPECT_GE(chains.of(b, [](action_index) { return std::uint64_t{5}; }), 5u);
}

TEST(critical_paths, a_chain_of_a_hundred_thousand_takes_no_stack) {
  graph nodes;
  for (int i = 0; i < 100'000; ++i) {
    const auto a = nodes.add_action(*nodes.intern(std::to_string(i)), 0);
    nodes.set_outputs(a, {*nodes.intern(std::to_string(i + 1))});
    nodes.set_inputs(a, {graph_edge::to(nodes.main_input(a), edge_kind::declared)});
  }
  critical_paths chains(nodes);
  EXPECT_EQ(chains.of(0, [](action_index) { return std::uint64_t{2}; }), 200'000u);
}

/// Rules that make NAME.l1 of NAME.l0 and so on, and the same with k of any NAME.u.
std::vector<rule_spec> chain_rules() {
  std::vector<rule_spec> rules;
  for (const std::string kind : {"l", "k"})
    for (int i = 0; i < 12; ++i)
      rules.push_back(command_rule(kind + std::to_string(i), {"*." + kind + std::to_string(i)},
                                   {"{stem}." + kind + std::to_string(i + 1)}));
  rules.push_back(command_rule("u", {"*.u"}, {"{stem}.k0"}));
  return rules;
}

TEST(engine_order, the_longest_chain_goes_first_however_long_it_is) {
  engine_world w(chain_rules(), [](engine_options& options) { options.jobs = 1; });
  w.save({{"a.l11", "1"}});  // while it runs, the others come
  w.save({{"b.l11", "1"}, {"c.l4", "1"}, {"d.l2", "1"}});
  w.settle();
  EXPECT_EQ(w.started[1].main_input.str(), "d.l2") << "ten steps";
  EXPECT_EQ(w.started[2].main_input.str(), "c.l4") << "eight";
}

TEST(engine_order, a_chain_that_grew_goes_by_its_new_length) {
  engine_world w(chain_rules(), [](engine_options& options) { options.jobs = 1; });
  w.save({{"first.txt", "1"}});  // what changes afterwards is as urgent as each other
  w.save({{"d.l9", "1"}});
  w.save({{"b.l6", "1"}, {"c.l6", "1"}});
  w.refer("x.u", "1", {"!d.l11"});
  w.settle();
  EXPECT_EQ(w.started[1].main_input.str(), "b.l6");
  EXPECT_EQ(w.started[2].main_input.str(), "d.l10") << "two steps before, now fourteen";
}

TEST(engine_order, a_chain_that_grew_through_a_glob_goes_by_its_new_length) {
  auto rules = chain_rules();
  rules.push_back(command_rule("g", {"*.g"}, {"{stem}.k0"}, {"*.l11"}));
  engine_world w(rules, [](engine_options& options) { options.jobs = 1; });
  w.save({{"first.txt", "1"}});
  w.save({{"d.l9", "1"}});
  w.save({{"b.l6", "1"}, {"c.l6", "1"}});
  w.save({{"x.g", "1"}});
  w.settle();
  EXPECT_EQ(w.started[2].main_input.str(), "d.l10");
}

TEST(engine_order, goes_by_what_was_learned_since_the_last_time) {
  engine_world w(chain_rules(), [](engine_options& options) { options.jobs = 1; });
  w.tool_time = [](const attempt_spec& spec) {
    return spec.main_input.str().front() == 'b' ? duration(seconds(10)) : duration(milliseconds(5));
  };
  w.tool = [&w](const attempt_spec& spec) {
    auto out = concatenate(w, spec);
    out.wall = w.tool_time(spec);
    return out;
  };
  for (const std::string text : {"1", "2"}) {
    w.save({{"a.l11", text}});
    w.save({{"b.l10", text}, {"d.l7", text}});
    w.started.clear();
    w.settle();
    ASSERT_FALSE(w.started.empty());
    EXPECT_EQ(w.started[0].main_input.str(), text == "1" ? "d.l7" : "b.l10");
  }
}

TEST(engine_order, a_chain_that_shrank_goes_by_its_new_length) {
  engine_world w(chain_rules(), [](engine_options& options) { options.jobs = 1; });
  w.refer("x.u", "1", {"!d.l11"});
  w.save({{"first.txt", "1"}});  // what changes afterwards is as urgent as each other
  w.save({{"d.l9", "1"}});
  w.save({{"b.l6", "1"}, {"c.l6", "1"}, {"x.u", std::nullopt}});
  w.settle();
  EXPECT_EQ(w.started[1].main_input.str(), "b.l6");
  EXPECT_EQ(w.started[2].main_input.str(), "c.l6");
}

}  // namespace
}  // namespace graphite::test
