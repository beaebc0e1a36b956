#include "coordinator/cluster/status_report.hpp"

#include <gtest/gtest.h>

#include "tests/coordinator/cluster/dispatch_bench.hpp"

namespace graphite {
namespace {

using test::dispatch_bench;
using test::recipe_of;

struct reported_bench : dispatch_bench {
  reported_bench() { with_job(); }
  void submit_of(std::uint64_t number, const control::recipe& what) {
    auto wanted = task(number);
    wanted.recipe = d.add_recipe(what, {}, {}).value();
    last_path = wanted.main_input.str();
    EXPECT_TRUE(d.submit(wanted, now));
  }
  cluster_report report() const { return report_of(d.status(now), epoch_number{7}); }
  std::string last_path;
};

TEST(status_report, names_nodes_their_domains_and_what_runs_where) {
  reported_bench b;
  auto offer = b.joining(4);
  offer.domains[0].cpus = "0-3";
  offer.domains[0].resources = {{"gpu", 2}};
  offer.store = true;
  offer.chunks = "10.0.0.1:7403";
  b.join("b", offer);
  b.join("a", b.joining(2));
  b.submit_of(1, recipe_of("upper", {2'000, GiB, {{"gpu", 1}}}));
  b.step();
  const auto told = b.report();
  EXPECT_EQ(told.epoch, 7u);
  ASSERT_EQ(told.nodes.size(), 2u);
  EXPECT_EQ(told.nodes[0].name, "a");
  const auto& node = told.nodes[1];
  EXPECT_TRUE(node.here && node.store);
  EXPECT_EQ(node.chunks, "10.0.0.1:7403");
  EXPECT_EQ(node.service, node_service::in);
  EXPECT_EQ(node.domains, (std::vector<cluster_domain>{{"0-3", 4'000, 2'000, 8 * GiB, GiB, 1, 0, "gpu=2"}}));
  ASSERT_EQ(told.running.size(), 1u);
  EXPECT_EQ(told.running[0].rule, "upper");
  EXPECT_EQ(told.running[0].node, "b");
  EXPECT_EQ(told.running[0].path, b.last_path);
  EXPECT_FALSE(told.running[0].second);
  EXPECT_EQ(told.tasks, 1u);
  const auto jobs = std::ranges::find(told.classes, "job", &cluster_class::name);
  ASSERT_NE(jobs, told.classes.end());
  EXPECT_EQ(jobs->running, 1u);
}

TEST(status_report, says_what_fits_no_node_and_what_it_would_need) {
  reported_bench b;
  b.join("a", b.joining(2));
  b.submit_of(1, recipe_of("bake", {1'000, 0, {{"gpu", 1}}}));
  b.submit_of(2, recipe_of("bake", {1'000, 0, {{"gpu", 1}}}));
  b.submit_of(3, recipe_of("link", {16'000, 64 * GiB, {}}));
  b.submit_of(4, recipe_of("upper"));
  b.step();
  ASSERT_EQ(b.unplaceable.size(), 2u);
  EXPECT_EQ(unplaceable_text(b.unplaceable[0]), "actions of rule bake wait (in1 first): no node has gpu=1");
  b.step_at(std::chrono::seconds(1));
  EXPECT_TRUE(b.unplaceable.empty()) << "said once";
  const auto told = b.report();
  EXPECT_EQ(told.unplaceable, 3u);
  EXPECT_EQ(told.misfits,
            (std::vector<cluster_misfit>{{"bake", "gpu=1", 2}, {"link", "16 CPU, 64 GiB of memory", 1}}));
  auto with_gpu = b.joining(2);
  with_gpu.domains[0].resources = {{"gpu", 1}};
  b.join("b", with_gpu);
  b.step();
  EXPECT_EQ(b.report().misfits, (std::vector<cluster_misfit>{{"link", "16 CPU, 64 GiB of memory", 1}}));
}

TEST(status_report, is_made_anew_once_that_takes_no_more_than_a_two_hundredth_of_the_time) {
  kept_report kept;
  time_point now = time_from_ns(1'000'000'000);
  std::uint64_t made = 0;
  const auto get = [&] {
    return kept
        .get([&] { return now; },
             [&] {
               now += milliseconds(5);  // it takes so long
               cluster_report out;
               out.tasks = ++made;
               return out;
             })
        .tasks;
  };
  EXPECT_EQ(get(), 1u);
  EXPECT_EQ(get(), 1u);
  now += milliseconds(999);
  EXPECT_EQ(get(), 1u);
  now += milliseconds(1);
  EXPECT_EQ(get(), 2u);
  EXPECT_EQ(made, 2u);
}

TEST(status_report, says_that_there_is_no_node_once) {
  reported_bench b;
  b.submit_of(1, recipe_of("upper"));
  b.step();
  ASSERT_EQ(b.unplaceable.size(), 1u);
  EXPECT_EQ(unplaceable_text(b.unplaceable[0]).rfind("no node is here: actions wait (in1 first)", 0), 0u);
  const auto link = b.join("a");
  b.step();
  EXPECT_TRUE(b.unplaceable.empty());
  b.d.disconnected(link, b.now);
  b.submit_of(2, recipe_of("upper"));
  b.step_at(std::chrono::minutes(1));
  EXPECT_EQ(b.unplaceable.size(), 1u) << "again, once there was one";
}

TEST(status_report, tells_tools_and_properties_that_are_asked_for) {
  auto recipe = recipe_of("upper");
  EXPECT_EQ(needs_text(recipe, {}), "1 CPU");
  recipe.tools = {{"cc", test::numbered(1)}};
  EXPECT_EQ(needs_text(recipe, {{"os", "linux"}}), "tool cc as the coordinator has it, os=linux");
}

TEST(status_report, shows_who_is_held_back_also_while_it_is_away) {
  reported_bench b;
  const auto link = b.join("node-1", b.joining());
  b.step();
  ASSERT_TRUE(b.d.set_service("node-1", lease_table::service::cordoned, b.now, b.now));
  EXPECT_EQ(node_of(b.report(), "node-1")->service, node_service::cordoned);
  b.d.disconnected(link, b.now);
  b.step_at(std::chrono::minutes(1));
  const auto away = node_of(b.report(), "node-1");
  ASSERT_TRUE(away) << away.error().context;
  EXPECT_FALSE(away->here);
  const auto none = node_of(b.report(), "node-11");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::not_found);
  EXPECT_NE(none.error().context.find("did you mean 'node-1'"), std::string::npos) << none.error().context;
}

}  // namespace
}  // namespace graphite
