#include "coordinator/cluster/placement.hpp"

#include <gtest/gtest.h>

namespace graphite {
namespace {

const task_needs one_cpu{.cpu_milli = 1'000}, two_cpus{.cpu_milli = 2'000};
constexpr std::uint64_t long_ns = 1'000'000'000, short_ns = 1'000'000;

struct some_domains {
  placement places{placement_options{}};
  std::uint32_t attempts = 0;

  placement::request request(const task_needs& needs = one_cpu,
                             std::span<const content_use> inputs = {}) const {
    return {&needs, long_ns, inputs, no_cluster_index, {}, placement::no_task, false};
  }
  std::uint32_t start(domain_index where, const task_needs& needs = one_cpu,
                      std::uint64_t expected_ns = long_ns) {
    auto what = request(needs);
    what.expected_ns = expected_ns;
    places.start(where, attempts, what);
    return attempts++;
  }
  /// no_cluster_index: nowhere at once.
  domain_index choose(const placement::request& what) {
    const auto found = places.choose(what);
    return found && found->at_once ? found->domain : no_cluster_index;
  }
};

TEST(placement, goes_where_the_bytes_are_then_where_the_load_is_least) {
  some_domains w;
  for (node_index node = 0; node < 3; ++node) w.places.add(node, {.cpu_milli = 4'000});
  const std::vector<content_use> large{{1, MiB}}, small{{2, KiB}}, both{{1, MiB}, {3, 2 * MiB}};
  w.start(0);
  EXPECT_EQ(w.choose(w.request()), 1u);
  w.start(1);
  w.start(1);
  EXPECT_EQ(w.choose(w.request()), 2u);
  w.places.note_content(1, large);
  w.places.note_content(1, small);
  EXPECT_EQ(w.choose(w.request(one_cpu, large)), 1u) << "though it is the busiest";
  EXPECT_EQ(w.choose(w.request(one_cpu, small)), 2u) << "a kilobyte is there as soon as the attempt";
  w.places.note_content(0, std::vector<content_use>{{3, 2 * MiB}});
  EXPECT_EQ(w.choose(w.request(one_cpu, both)), 0u) << "has more of it";
  w.start(0, task_needs{.cpu_milli = 3'000});
  EXPECT_EQ(w.choose(w.request(one_cpu, both)), 1u) << "the one with most of it is full";
}

TEST(placement, a_domain_made_of_a_lost_one_has_none_of_its_contents) {
  some_domains w;
  const std::vector<content_use> large{{1, MiB}};
  const auto lost = w.places.add(0, {.cpu_milli = 4'000});
  w.places.note_content(lost, large);
  w.places.remove(lost);
  EXPECT_FALSE(w.places.choose(w.request()));
  EXPECT_EQ(w.places.add(1, {.cpu_milli = 4'000}), lost);
  const auto other = w.places.add(2, {.cpu_milli = 4'000});
  w.start(lost);
  EXPECT_EQ(w.choose(w.request(one_cpu, large)), other);
}

TEST(placement, sends_ahead_only_where_nothing_is_free) {
  some_domains w;
  w.places.add(0, {.cpu_milli = 1'000});
  w.places.add(1, {.cpu_milli = 1'000});
  auto what = w.request();
  what.expected_ns = short_ns;
  w.start(0, one_cpu, short_ns);
  EXPECT_EQ(w.choose(what), 1u);
  w.start(1, one_cpu, short_ns);
  const auto first = w.places.choose(what);
  ASSERT_TRUE(first && !first->at_once);
  EXPECT_EQ(first->domain, 0u);
  w.places.queue(0, 100, what);
  EXPECT_EQ(w.places.choose(what)->domain, 1u) << "less waits there";
}

TEST(placement, keeps_off_closed_domains_other_nodes_and_what_is_kept_free) {
  some_domains w;
  const auto a = w.places.add(0, {.cpu_milli = 4'000}), b = w.places.add(0, {.cpu_milli = 4'000}),
             c = w.places.add(1, {.cpu_milli = 4'000});
  auto what = w.request();
  what.not_on = 0;
  EXPECT_EQ(w.choose(what), c);
  w.places.set_open(c, false);
  EXPECT_EQ(w.choose(what), no_cluster_index);
  w.places.set_open(c, true);
  what.not_on = no_cluster_index;
  w.places.reserve(a, 7);
  EXPECT_EQ(w.choose(what), b);
  what.task = 7;
  EXPECT_EQ(w.choose(what), a);
  w.places.unreserve(a);
  what.task = placement::no_task;
  EXPECT_EQ(w.choose(what), a);
}

TEST(placement, goes_to_a_node_that_died_of_it_only_where_no_other_takes_it) {
  some_domains w;
  w.places.add(0, {.cpu_milli = 4'000});
  w.places.add(1, {.cpu_milli = 1'000});
  const std::vector<content_use> large{{1, MiB}};
  w.places.note_content(0, large);
  const node_index died[] = {0};
  auto what = w.request(one_cpu, large);
  what.rather_not = died;
  EXPECT_EQ(w.choose(what), 1u);
  w.start(1);
  EXPECT_EQ(w.choose(what), 0u);
}

TEST(placement, two_suspects_are_never_on_one_node) {
  some_domains w;
  w.places.add(0, {.cpu_milli = 4'000});
  w.places.add(0, {.cpu_milli = 4'000});
  auto suspect = w.request();
  suspect.suspect = true;
  w.places.start(0, 1, suspect);
  EXPECT_EQ(w.choose(suspect), no_cluster_index);
  EXPECT_EQ(w.choose(w.request()), 1u) << "others may";
  std::vector<domain_slots::attempt> started;
  w.places.remove_attempt(0, 1, true, started);
  EXPECT_EQ(w.choose(suspect), 0u);
}

TEST(placement, keeps_the_emptiest_domain_that_is_large_enough_for_a_large_one) {
  some_domains w;
  w.places.add(0, {.cpu_milli = 1'000});
  w.places.add(1, {.cpu_milli = 2'000});
  w.places.add(2, {.cpu_milli = 2'000});
  w.start(1);
  w.start(1);
  w.start(2);
  EXPECT_EQ(w.choose(w.request(two_cpus)), no_cluster_index);
  EXPECT_EQ(w.places.candidate_to_reserve(w.request(two_cpus)), 2u);
  EXPECT_TRUE(w.places.possible(two_cpus));
  EXPECT_FALSE(w.places.possible(task_needs{.cpu_milli = 3'000}));
}

}  // namespace
}  // namespace graphite
