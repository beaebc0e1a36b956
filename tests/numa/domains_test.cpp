#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <future>

#include "platform/linux/buffer_pool.hpp"
#include "platform/linux/domain_pools.hpp"
#include "platform/linux/open_async_io.hpp"
#include "platform/linux/owned_fd.hpp"
#include "platform/numa/hwloc_topology.hpp"
#include "platform/numa/placement.hpp"

namespace graphite {
namespace {

/// The threads, memory and asynchronous I/O of each domain, put together on this machine: on one with several
/// NUMA nodes it shows where threads run and memory lies, elsewhere only that it works. Of the three a
/// service itself has the threads only.
class domains : public testing::Test {
 protected:
  void SetUp() override {
    auto read = hwloc_topology().read();
    ASSERT_TRUE(read) << read.error().context;
    plan_ = plan_affinity(*read, pin_mode::always);
    pools_ = std::move(*domain_pools::make({.name = "test", .plan = plan_}));
  }
  bool has(const domain_plan& domain, int cpu) const {
    return std::find(domain.cpus.begin(), domain.cpus.end(), cpu) != domain.cpus.end();
  }

  affinity_plan plan_;
  std::unique_ptr<domain_pools> pools_;
  numa_placement placement_;
};

TEST_F(domains, jobs_run_on_the_processors_of_their_domain) {
  for (std::size_t i = 0; i < pools_->domains(); ++i)
    for (int job = 0; job < 50; ++job) {
      std::promise<int> ran_on;
      ASSERT_TRUE(pools_->domain(i).submit([&] { ran_on.set_value(::sched_getcpu()); }));
      EXPECT_TRUE(has(plan_.domains[i], ran_on.get_future().get())) << "domain " << i;
    }
}

TEST_F(domains, buffers_lie_on_their_node_whoever_takes_them) {
  if (!placement_.reason().empty()) GTEST_SKIP() << "left out for want of NUMA: " << placement_.reason();
  for (const auto& domain : plan_.domains) {
    if (domain.memory.empty()) continue;
    const auto node = domain.memory.front();
    buffer_pool memory({.bytes_max = 16 << 20, .pages = system_pages(&placement_, node)});
    EXPECT_EQ(memory.facts().node, node);
    for (const std::size_t bytes : {4096, 100'000, 3 << 20}) {
      std::promise<buffer> taken;
      ASSERT_TRUE(pools_->domain(0).submit([&] { taken.set_value(std::move(*memory.take(bytes))); }));
      const auto got = taken.get_future().get();
      const auto places = placement_.where(got.bytes());
      ASSERT_TRUE(places) << places.error().context;
      EXPECT_TRUE(std::all_of(places->begin(), places->end(), [&](const auto& one) { return one == node; }))
          << "node " << node << ", " << bytes << " bytes; " << memory.facts().reason;
    }
  }
}

TEST_F(domains, reads_go_into_buffers_of_each_domain) {
  const owned_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  for (std::size_t i = 0; i < pools_->domains(); ++i) {
    const auto node =
        plan_.domains[i].memory.empty() ? std::nullopt : std::optional(plan_.domains[i].memory.front());
    buffer_pool memory({.bytes_max = 4 << 20, .pages = system_pages(&placement_, node)});
    const auto io = open_async_io(pools_->domain(i), {.depth = 4});
    ASSERT_TRUE(io) << io.error().context;
    const auto into = memory.take(4096);
    ASSERT_TRUE(into);
    const std::span<std::byte> buffers[] = {into->bytes()};
    const io_file files[] = {{file.get()}};
    (void)(*io)->announce(buffers, files);  // refused where little may be locked
    const io_request request{.file = files[0], .bytes = into->bytes()};
    io_completion ended;
    ASSERT_EQ((*io)->submit({&request, 1}).value_or(0), 1u);
    ASSERT_EQ((*io)->wait({&ended, 1}, 1, std::chrono::seconds(60)).value_or(0), 1u);
    EXPECT_EQ(ended.bytes, 4096u);
    EXPECT_EQ(into->bytes()[1], std::byte{'E'});
  }
}

}  // namespace
}  // namespace graphite
