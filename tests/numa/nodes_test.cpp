#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/affinity.hpp"
#include "platform/linux/cpu_set.hpp"
#include "platform/numa/hwloc_topology.hpp"
#include "platform/numa/placed_memory.hpp"
#include "platform/numa/placement.hpp"
#include "platform/numa/remote_access.hpp"
#include "tests/numa/child.hpp"
#include "tests/numa/usable_node.hpp"

/// \file What only a machine with several NUMA nodes can show. Elsewhere each test says loudly that it was
/// left out.

namespace graphite {
namespace {

using kind = placement_policy::kind;
using test::page_bytes;
using testing::Each;

constexpr std::size_t pages_placed = 512;

void set_bytes(std::span<std::byte> pages) { std::memset(pages.data(), 1, pages.size()); }

class several_nodes : public testing::Test {
 protected:
  void SetUp() override {
    auto read = hwloc_topology().read();
    ASSERT_TRUE(read) << read.error().context;
    machine_ = std::move(*read);
    for (const auto& node : machine_.nodes)
      if (node.memory_allowed && node.memory_bytes > 0) nodes_.push_back(node.number);
    if (nodes_.size() < 2) return leave_out("this machine has one NUMA node whose memory may be used");
    if (!placement_.reason().empty()) leave_out(placement_.reason());
  }

  static void leave_out(const std::string& why) { GTEST_SKIP() << "left out for want of NUMA: " << why; }

  std::size_t count_on(std::span<const std::byte> pages, unsigned node) const {
    const auto places = *placement_.where(pages);
    return static_cast<std::size_t>(std::count(places.begin(), places.end(), std::optional(node)));
  }

  machine_topology machine_;
  std::vector<unsigned> nodes_;
  numa_placement placement_;
};

TEST_F(several_nodes, bound_pages_lie_on_their_node) {
  for (const unsigned node : nodes_) {
    const auto memory = test::small_pages(pages_placed);
    ASSERT_TRUE(placement_.apply(memory.bytes(), {kind::bind, {node}}));
    set_bytes(memory.bytes());
    EXPECT_THAT(*placement_.where(memory.bytes()), Each(std::optional(node)));
  }
}

TEST_F(several_nodes, preferred_pages_lie_on_their_node_while_it_has_room) {
  for (const unsigned node : nodes_) {
    const auto memory = *placed_memory::make(pages_placed * page_bytes, {kind::prefer, {node}}, placement_);
    EXPECT_TRUE(memory.refused().empty());
    set_bytes(memory.bytes());
    EXPECT_THAT(*placement_.where(memory.bytes()), Each(std::optional(node)));
  }
}

TEST_F(several_nodes, interleaved_pages_are_spread_evenly) {
  const auto memory = test::small_pages(nodes_.size() * 256);
  ASSERT_TRUE(placement_.apply(memory.bytes(), {kind::interleave, nodes_}));
  set_bytes(memory.bytes());
  for (const unsigned node : nodes_) EXPECT_EQ(count_on(memory.bytes(), node), 256u) << node;
}

TEST_F(several_nodes, interleaving_keeps_to_the_nodes_it_was_given) {
  const auto memory = test::small_pages(pages_placed);
  const std::vector<unsigned> some(nodes_.end() - 2, nodes_.end());
  ASSERT_TRUE(placement_.apply(memory.bytes(), {kind::interleave, some}));
  set_bytes(memory.bytes());
  for (const unsigned node : some) EXPECT_EQ(count_on(memory.bytes(), node), pages_placed / 2);
}

TEST_F(several_nodes, pages_move_with_what_is_in_them) {
  const auto memory = test::small_pages(pages_placed);
  ASSERT_TRUE(placement_.apply(memory.bytes(), {kind::prefer, {nodes_.front()}}));
  for (std::size_t i = 0; i < memory.bytes().size(); ++i) memory.bytes()[i] = static_cast<std::byte>(i * 31);
  EXPECT_EQ(*placement_.move(memory.bytes(), nodes_.back()), pages_placed);
  EXPECT_THAT(*placement_.where(memory.bytes()), Each(std::optional(nodes_.back())));
  bool same = true;
  for (std::size_t i = 0; i < memory.bytes().size(); ++i)
    same = same && memory.bytes()[i] == static_cast<std::byte>(i * 31);
  EXPECT_TRUE(same);
  EXPECT_EQ(*placement_.move(memory.bytes().first(8 * page_bytes), nodes_.front()), 8u);
  EXPECT_EQ(count_on(memory.bytes(), nodes_.front()), 8u);
}

TEST_F(several_nodes, a_policy_does_not_move_pages_that_exist) {
  const auto memory = test::small_pages(pages_placed);
  ASSERT_TRUE(placement_.apply(memory.bytes(), {kind::bind, {nodes_.front()}}));
  set_bytes(memory.bytes().first(8 * page_bytes));
  ASSERT_TRUE(placement_.apply(memory.bytes(), {kind::bind, {nodes_.back()}}));
  set_bytes(memory.bytes());
  EXPECT_EQ(count_on(memory.bytes(), nodes_.front()), 8u);
  EXPECT_EQ(count_on(memory.bytes(), nodes_.back()), pages_placed - 8);
}

TEST_F(several_nodes, threads_bound_to_a_domain_run_there_and_touch_memory_there) {
  const auto plan = plan_affinity(machine_, pin_mode::always);
  if (plan.domains.size() < 2) return leave_out("one domain only has processors");
  for (const auto& domain : plan.domains) {
    int ran_on = -1;
    const auto memory = test::small_pages(pages_placed);
    ASSERT_TRUE(placement_.apply(memory.bytes(), {}));
    std::thread([&] {
      ASSERT_TRUE(bind_thread(::pthread_self(), domain.cpus));
      set_bytes(memory.bytes());
      ran_on = ::sched_getcpu();
    }).join();
    EXPECT_TRUE(std::binary_search(domain.cpus.begin(), domain.cpus.end(), ran_on)) << ran_on;
    if (domain.memory.front() == domain.node) {
      EXPECT_THAT(*placement_.where(memory.bytes()), Each(std::optional(domain.node)));
    }
  }
}

TEST_F(several_nodes, every_node_knows_its_distances) {
  for (const auto& node : machine_.nodes) ASSERT_EQ(node.distances.size(), machine_.nodes.size());
  for (std::size_t i = 0; i < machine_.nodes.size(); ++i) EXPECT_EQ(machine_.nodes[i].distances[i], 10u);
}

TEST_F(several_nodes, each_domain_has_memory_and_every_memory_only_node_a_domain) {
  const auto plan = plan_affinity(machine_, pin_mode::never);
  std::vector<unsigned> given;
  for (const auto& domain : plan.domains) {
    EXPECT_FALSE(domain.memory.empty());
    given.insert(given.end(), domain.memory.begin(), domain.memory.end());
  }
  for (const auto& node : machine_.nodes)
    if (node.memory_only && node.memory_allowed && node.memory_bytes > 0) {
      EXPECT_EQ(std::count(given.begin(), given.end(), node.number), 1) << node.number;
    }
}

TEST_F(several_nodes, the_kernel_counts_pages_given_to_another_node) {
  remote_access_meter meter({.hardware = false});
  const auto plan = plan_affinity(machine_, pin_mode::always);
  const auto far = std::find_if(nodes_.begin(), nodes_.end(),
                                [&](unsigned node) { return node != plan.domains.front().node; });
  ASSERT_NE(far, nodes_.end());
  const auto memory = test::small_pages(4096);
  ASSERT_TRUE(placement_.apply(memory.bytes(), {kind::bind, {*far}}));
  meter.start();
  std::thread([&] {
    ASSERT_TRUE(bind_thread(::pthread_self(), plan.domains.front().cpus));
    set_bytes(memory.bytes());
  }).join();
  const auto read = meter.read();
  if (!read.ratio) return leave_out("no ratio: " + read.reason);
  EXPECT_GT(*read.ratio, 0.5) << "of " << read.source;
}

/// A cpuset of this system without the last node, which a child enters.
class smaller_cpuset {
 public:
  smaller_cpuset(const machine_topology& machine, const std::vector<unsigned>& nodes) {
    v1_ = ::access("/sys/fs/cgroup/cpuset/cpuset.mems", F_OK) == 0;
    const std::string base = v1_ ? "/sys/fs/cgroup/cpuset" : "/sys/fs/cgroup";
    if (!v1_) put(base + "/cgroup.subtree_control", "+cpuset");
    folder_ = base + "/graphite-test-" + std::to_string(::getpid());
    std::error_code failure;
    made_ = std::filesystem::create_directory(folder_, failure);
    std::string mems;
    for (std::size_t i = 0; i + 1 < nodes.size(); ++i) mems += (i ? "," : "") + std::to_string(nodes[i]);
    ready_ = made_ && put(folder_ + "/cpuset.mems", mems) &&
             put(folder_ + "/cpuset.cpus", "0-" + std::to_string(machine.online_cpus - 1));
  }
  ~smaller_cpuset() {
    if (made_) ::rmdir(folder_.c_str());
  }
  bool ready() const { return ready_; }
  bool enter() const { return put(folder_ + "/cgroup.procs", "0"); }

 private:
  static bool put(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    return file.good();
  }
  std::string folder_;
  bool v1_ = false, made_ = false, ready_ = false;
};

TEST_F(several_nodes, memory_outside_the_cpuset_is_unsupported) {
  const smaller_cpuset set(machine_, nodes_);
  if (!set.ready()) return leave_out("no cpuset can be made here");
  const auto seen = test::in_child([&]() -> std::string {
    if (!set.enter()) return "cannot enter";
    numa_placement placement;
    const auto memory = *anonymous_pages::make(page_bytes);
    const unsigned last = nodes_.back();
    const auto applied = placement.apply(memory.bytes(), {kind::prefer, {last}});
    const auto partly = placement.apply(memory.bytes(), {kind::bind, {nodes_.front(), last}});
    set_bytes(memory.bytes());
    const auto moved = placement.move(memory.bytes(), last);
    if (applied || partly || moved) return "placed all the same";
    const auto machine = hwloc_topology().read();
    if (!machine) return machine.error().context;
    for (const auto& node : machine->nodes)
      if (node.memory_allowed == (node.number == last))
        return "told wrongly of node " + std::to_string(node.number);
    return std::string(to_string(applied.error().code)) + " " + std::string(to_string(partly.error().code)) +
           " " + std::string(to_string(moved.error().code)) + "; " + placement.reason();
  });
  EXPECT_EQ(seen, "unsupported unsupported unsupported; ");
}

/// How much memory a node has free, in pages.
std::size_t free_pages(unsigned node) {
  std::ifstream file("/sys/devices/system/node/node" + std::to_string(node) + "/meminfo");
  for (std::string line; std::getline(file, line);)
    if (const auto at = line.find("MemFree:"); at != std::string::npos)
      return std::stoul(line.substr(at + 8)) * 1024 / page_bytes;
  return 0;
}

TEST_F(several_nodes, a_preferred_node_that_is_full_gives_way) {
  constexpr std::size_t cheap_pages_max = (1u << 30) / page_bytes;
  const auto small = *std::min_element(nodes_.begin(), nodes_.end(),
                                       [](unsigned a, unsigned b) { return free_pages(a) < free_pages(b); });
  std::size_t elsewhere = 0;
  for (const unsigned node : nodes_) elsewhere += node == small ? 0 : free_pages(node);
  const auto wanted = free_pages(small) + 16'384;
  if (wanted > cheap_pages_max || elsewhere < 2 * 16'384 + free_pages(small) / 8)
    return leave_out("the nodes are too large, or too small, to fill one");
  const auto memory = *anonymous_pages::make(wanted * page_bytes);
  ASSERT_TRUE(placement_.apply(memory.bytes(), {kind::prefer, {small}}));
  for (std::size_t i = 0; i < wanted; ++i) memory.bytes()[i * page_bytes] = std::byte{1};
  const auto there = count_on(memory.bytes(), small);
  EXPECT_GT(there, wanted / 2);
  EXPECT_LT(there, wanted);
}

}  // namespace
}  // namespace graphite
