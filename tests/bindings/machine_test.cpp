#include <gtest/gtest.h>
#include <sched.h>

#include <cstring>
#include <thread>

#include "bindings/c/graphite.hpp"

namespace graphite {
namespace {

std::uint32_t some_node(const numa_topology& machine) {
  for (std::uint32_t node = 0; node < machine->node_count; ++node)
    if (machine->node_memory[node] > 0) return node;
  return GRAPHITE_NO_NODE;
}

TEST(c_machine, tells_what_this_program_may_use) {
  const numa_topology machine;
  cpu_set_t allowed;
  ASSERT_EQ(::sched_getaffinity(0, sizeof allowed, &allowed), 0);
  std::uint32_t usable = 0;
  for (std::uint32_t cpu = 0; cpu < machine->cpu_count; ++cpu) {
    const auto node = machine->cpu_to_node[cpu];
    EXPECT_EQ(node != GRAPHITE_NO_NODE, CPU_ISSET(cpu, &allowed) != 0) << cpu;
    if (node == GRAPHITE_NO_NODE) continue;
    ++usable;
    EXPECT_LT(node, machine->node_count);
  }
  EXPECT_EQ(machine->usable_cpus, usable);
  EXPECT_GT(usable, 0u);
  const auto node = some_node(machine);
  ASSERT_NE(node, GRAPHITE_NO_NODE);
  const auto to_itself = machine->node_distance[node * machine->node_count + node];
  EXPECT_TRUE(to_itself == 10 || to_itself == 0) << to_itself;
  EXPECT_STRNE(machine->reason, "");
  EXPECT_GE(machine->cpu_quota, 0);
  std::size_t listed = 0;
  for (std::uint32_t one = 0; one < machine->node_count; ++one) listed += machine.cpus_of(one).size();
  EXPECT_EQ(listed, usable);
}

TEST(c_machine, a_topology_is_freed_once_and_refused_without_a_place) {
  graphite_numa_topology machine;
  ASSERT_EQ(graphite_detect_numa_topology(&machine), GRAPHITE_SUCCESS);
  graphite_free_numa_topology(&machine);
  EXPECT_EQ(machine.cpu_to_node, nullptr);
  graphite_free_numa_topology(&machine);
  graphite_free_numa_topology(nullptr);
  EXPECT_EQ(graphite_detect_numa_topology(nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
}

TEST(c_machine, memory_of_a_node_is_zeroed_and_lies_there) {
  const numa_topology machine;
  const auto node = some_node(machine);
  const auto page = graphite_page_size();
  numa_memory memory(10 * page + 1, node);
  EXPECT_EQ(memory.data()[10 * page], std::byte{0});
  std::memset(memory.data(), 1, memory.size());
  std::vector<std::uint32_t> where(11);
  const auto looked = graphite_numa_where(memory.data(), 11 * page, where.data());
  if (graphite_numa_unavailable()[0] != 0) GTEST_SKIP() << graphite_numa_unavailable();
  ASSERT_EQ(looked, GRAPHITE_SUCCESS) << graphite_last_error();
  EXPECT_EQ(where, std::vector<std::uint32_t>(11, node));
  EXPECT_EQ(graphite_numa_place(memory.data(), 11 * page, GRAPHITE_NUMA_INTERLEAVE, &node, 1),
            GRAPHITE_SUCCESS);
  std::size_t moved = 0;
  EXPECT_EQ(graphite_numa_move(memory.data(), 11 * page, node, &moved), GRAPHITE_SUCCESS);
  EXPECT_EQ(moved, 11 * page);
}

/// A node that nobody has still gives memory: where it lies is a matter of speed.
TEST(c_machine, memory_of_a_node_that_is_not_there_is_memory) {
  numa_memory memory(100, 3'000'000'000u);
  memory.data()[99] = std::byte{1};
  EXPECT_EQ(graphite_numa_alloc(0, 0), nullptr);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_numa_alloc(SIZE_MAX - 10, 0), nullptr);
  EXPECT_EQ(graphite_last_result(), GRAPHITE_ERROR_OUT_OF_MEMORY);
  graphite_numa_free(nullptr, 100);
}

TEST(c_machine, refuses_policies_that_cannot_be) {
  const auto page = graphite_page_size();
  numa_memory memory(page, 0);
  const std::uint32_t nodes[] = {0, 1};
  EXPECT_EQ(graphite_numa_place(nullptr, page, GRAPHITE_NUMA_LOCAL, nullptr, 0),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(graphite_numa_place(memory.data(), page, GRAPHITE_NUMA_PREFER, nullptr, 1),
            GRAPHITE_ERROR_INVALID_ARGUMENT);
  EXPECT_NE(graphite_numa_place(memory.data(), page, GRAPHITE_NUMA_PREFER, nodes, 2), GRAPHITE_SUCCESS);
  EXPECT_NE(graphite_numa_place(memory.data() + 1, page, GRAPHITE_NUMA_PREFER, nodes, 1), GRAPHITE_SUCCESS);
  EXPECT_EQ(graphite_numa_where(memory.data(), page, nullptr), GRAPHITE_ERROR_INVALID_ARGUMENT);
}

TEST(c_machine, a_thread_runs_where_it_is_bound) {
  const numa_topology machine;
  const auto node = machine->cpu_to_node[static_cast<std::size_t>(::sched_getcpu())];
  const auto cpu = machine.cpus_of(node).back();
  std::thread bound([&] {
    EXPECT_EQ(graphite_set_thread_affinity(::pthread_self(), cpu), GRAPHITE_SUCCESS);
    EXPECT_EQ(static_cast<std::uint32_t>(::sched_getcpu()), cpu);
    EXPECT_EQ(graphite_set_thread_affinity(::pthread_self(), 1'000'000), GRAPHITE_ERROR_INVALID_ARGUMENT);
    EXPECT_EQ(graphite_set_thread_affinity(::pthread_self(), UINT32_MAX), GRAPHITE_ERROR_INVALID_ARGUMENT);
    const auto all = machine.cpus_of(node);
    EXPECT_EQ(graphite_set_thread_affinity_list(::pthread_self(), all.data(), all.size()), GRAPHITE_SUCCESS);
    EXPECT_EQ(graphite_set_thread_affinity_list(::pthread_self(), nullptr, 1),
              GRAPHITE_ERROR_INVALID_ARGUMENT);
  });
  bound.join();
}

TEST(c_machine, tells_vector_instructions_as_the_compiler_does) {
  graphite_detect_simd_capabilities();
  const auto* const caps = graphite_simd_capabilities();
  EXPECT_EQ(caps, graphite_simd_capabilities());
#if defined(__x86_64__)
  EXPECT_TRUE(caps->sse2_available);
  EXPECT_EQ(caps->sse4_available, __builtin_cpu_supports("sse4.1") != 0);
  EXPECT_EQ(caps->avx_available, __builtin_cpu_supports("avx") != 0);
  EXPECT_EQ(caps->avx2_available, __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(caps->avx512_available, __builtin_cpu_supports("avx512f") != 0);
  EXPECT_FALSE(caps->neon_available);
#elif defined(__aarch64__)
  EXPECT_TRUE(caps->neon64_available);
#endif
}

}  // namespace
}  // namespace graphite
