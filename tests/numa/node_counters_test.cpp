#include "platform/numa/node_counters.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <limits>
#include <map>
#include <thread>

#include "platform/numa/remote_access.hpp"
#include "tests/numa/child.hpp"
#include "tests/numa/usable_node.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using testing::HasSubstr;

constexpr auto count_max = std::numeric_limits<std::uint64_t>::max();
constexpr processor_model zen4{processor_model::maker::amd, 0x19, 0x11};
constexpr processor_model ivy_bridge{processor_model::maker::intel, 6, 0x3e};

/// One that ran all the time.
constexpr counter_value whole(std::uint64_t value) { return {value, 1000, 1000}; }

/// The system's counters in thought. Threads have values in the order they come; those that come after all
/// of `threads` never ran.
class made_up_counters {
 public:
  struct of_thread {
    counter_value loads{}, misses{};
  };
  std::vector<of_thread> threads{};
  int loads_errno = 0, misses_errno = 0;  ///< of opening one
  std::size_t ended_threads = 0;          ///< so many of the first are gone
  ssize_t read_short = 0;                 ///< so many bytes are missing
  std::vector<perf_event_attr> opened{};

  node_counters_options options(const processor_model& processor = zen4) {
    node_counters_options out;
    out.calls.open = [this](const perf_event_attr& what, int thread) { return open(what, thread); };
    out.calls.read = [this](int descriptor, std::span<std::byte> into) { return read(descriptor, into); };
    out.processor = processor;
    return out;
  }
  /// Of what was opened.
  std::size_t still_open() const {
    return static_cast<std::size_t>(std::count_if(
        values_.begin(), values_.end(), [](const auto& one) { return ::fcntl(one.first, F_GETFD) >= 0; }));
  }

 private:
  int open(const perf_event_attr& what, int thread) {
    const auto place = places_.try_emplace(thread, places_.size()).first->second;
    const bool misses = (what.config >> 16) == PERF_COUNT_HW_CACHE_RESULT_MISS;
    errno = place < ended_threads ? ESRCH : misses ? misses_errno : loads_errno;
    if (errno != 0) return -1;
    opened.push_back(what);
    const int out = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const auto values = place < threads.size() ? threads[place] : of_thread{};
    values_[out] = misses ? values.misses : values.loads;
    return out;
  }
  ssize_t read(int descriptor, std::span<std::byte> into) {
    const auto value = values_.at(descriptor);
    std::memcpy(into.data(), &value, std::min(into.size(), sizeof value));
    return static_cast<ssize_t>(into.size()) - read_short;
  }

  std::map<int, std::size_t> places_{};
  std::map<int, counter_value> values_{};
};

/// Threads of this process that do nothing.
class idle_threads {
 public:
  explicit idle_threads(int count) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([end = end_] { end.wait(); });
  }
  ~idle_threads() {
    ended_.set_value();
    for (auto& thread : threads_) thread.join();
  }

 private:
  std::promise<void> ended_;
  std::shared_future<void> end_ = ended_.get_future().share();
  std::vector<std::thread> threads_;
};

/// "LOCAL REMOTE", or what went wrong.
std::string counted(made_up_counters& made_up, const processor_model& processor = zen4) {
  const auto counters = node_counters::open(made_up.options(processor));
  if (!counters) return counters.error().context;
  const auto counts = counters->read();
  if (!counts) return counts.error().context;
  return std::to_string(counts->local) + " " + std::to_string(counts->remote);
}

TEST(node_counters, are_scaled_to_the_time_they_should_have_run) {
  EXPECT_EQ(scaled_count({100, 1000, 1000}), 100u);
  EXPECT_EQ(scaled_count({100, 1000, 250}), 400u);
  EXPECT_EQ(scaled_count({100, 1000, 1001}), 100u);
  EXPECT_EQ(scaled_count({0, 0, 0}), 0u);
  EXPECT_EQ(scaled_count({count_max, 1000, 1000}), count_max);
}

TEST(node_counters, that_had_no_turn_counted_nothing_rather_than_zero) {
  EXPECT_EQ(scaled_count({0, 1000, 0}), std::nullopt);
}

TEST(node_counters, are_no_more_than_the_largest_number) {
  EXPECT_EQ(scaled_count({count_max, 2, 1}), count_max);
  EXPECT_EQ(scaled_count({count_max / 2, count_max, 1}), count_max);
  EXPECT_EQ(scaled_count({1, count_max, 1}), count_max);
}

TEST(node_counters, of_old_processors_have_remote_loads_among_the_nodes_loads) {
  using maker = processor_model::maker;
  EXPECT_TRUE(node_loads_have_remote_ones(ivy_bridge));
  EXPECT_FALSE(node_loads_have_remote_ones({maker::intel, 6, 0x3f}));  // Haswell
  EXPECT_FALSE(node_loads_have_remote_ones({maker::intel, 6, 0x8f}));  // Sapphire Rapids
  EXPECT_TRUE(node_loads_have_remote_ones({maker::amd, 0x10, 2}));
  EXPECT_FALSE(node_loads_have_remote_ones(zen4));
  EXPECT_FALSE(node_loads_have_remote_ones({}));
  EXPECT_EQ(remote_ratio(counts_of_loads(100, 25, true)), 0.25);
  EXPECT_EQ(remote_ratio(counts_of_loads(75, 25, false)), 0.25);
  EXPECT_EQ(remote_ratio(counts_of_loads(20, 25, true)), 1);  // scaled apart from each other
}

TEST(node_counters, are_summed_over_all_threads) {
  const idle_threads others(2);
  made_up_counters made_up;
  made_up.threads = {{whole(60), whole(20)}, {whole(14), whole(5)}, {whole(1), {}}};
  EXPECT_EQ(counted(made_up), "75 25");
  EXPECT_EQ(made_up.still_open(), 0u);
}

TEST(node_counters, that_shared_their_place_are_scaled_each_by_its_own_time) {
  made_up_counters made_up;
  made_up.threads = {{{50, 1000, 500}, {25, 1000, 250}}};
  EXPECT_EQ(counted(made_up), "100 100");
}

TEST(node_counters, are_read_as_the_processor_means_them) {
  made_up_counters made_up;
  made_up.threads = {{whole(100), whole(25)}};
  EXPECT_EQ(counted(made_up, ivy_bridge), "75 25");
  made_up_counters again;
  again.threads = made_up.threads;
  EXPECT_EQ(counted(again, zen4), "100 25");
}

TEST(node_counters, do_not_flow_over) {
  const idle_threads others(1);
  made_up_counters made_up;
  made_up.threads = {{whole(count_max - 1), {count_max, 3, 1}}, {whole(7), whole(7)}};
  const auto most = std::to_string(count_max);
  EXPECT_EQ(counted(made_up), most + " " + most);
}

TEST(node_counters, of_a_thread_that_had_no_turn_are_left_out) {
  const idle_threads others(1);
  made_up_counters made_up;
  made_up.threads = {{whole(1000), {0, 1000, 0}}, {whole(30), whole(10)}};
  EXPECT_EQ(counted(made_up), "30 10");
}

TEST(node_counters, that_a_thread_does_not_have_any_more_are_left_out) {
  const idle_threads others(1);
  made_up_counters made_up;
  made_up.threads = {{whole(1000), whole(1000)}, {whole(30), whole(10)}};
  made_up.ended_threads = 1;
  EXPECT_EQ(counted(made_up), "30 10");
  made_up_counters gone;
  gone.ended_threads = 1000;
  EXPECT_EQ(counted(gone), "the threads of this process cannot be seen");
}

TEST(node_counters, that_are_refused_say_why) {
  for (const auto& [failure, why] :
       std::map<int, std::string>{{EACCES, "may not be opened (perf_event_paranoid"},
                                  {EPERM, "may not be opened (perf_event_paranoid"},
                                  {ENOENT, "has no counter of node loads"},
                                  {EOPNOTSUPP, "has no counter of node loads"},
                                  {ENODEV, "has no counter of node loads"},
                                  {EINVAL, "cannot leave other programs out of it (Linux 5.13 can)"},
                                  {ENOSYS, "this kernel has no perf_event_open"},
                                  {EMFILE, "the processor's counters cannot be opened"}}) {
    made_up_counters first, second;
    first.loads_errno = failure;
    second.misses_errno = failure;
    EXPECT_THAT(counted(first), HasSubstr(why)) << failure;
    EXPECT_THAT(counted(second), HasSubstr(why)) << failure;
    EXPECT_EQ(second.still_open(), 0u);
  }
}

TEST(node_counters, ask_for_loads_of_threads_and_not_of_programs) {
  made_up_counters made_up;
  (void)counted(made_up);
  ASSERT_GE(made_up.opened.size(), 2u);
  for (const auto& what : made_up.opened) {
    EXPECT_EQ(what.type, static_cast<unsigned>(PERF_TYPE_HW_CACHE));
    EXPECT_EQ(what.config & 0xffff, PERF_COUNT_HW_CACHE_NODE | PERF_COUNT_HW_CACHE_OP_READ << 8);
    EXPECT_TRUE(what.inherit && what.inherit_thread && what.exclude_kernel);
    EXPECT_EQ(what.read_format, PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING);
  }
}

/// What a meter says of made-up counters, above made-up counts of pages.
remote_access measured(made_up_counters& made_up) {
  const test::temporary_folder folder(test::temporary_folder::quick_base());
  folder.write("sys/devices/system/node/online", "0\n");
  folder.write("sys/devices/system/node/node0/numastat", "local_node 10\nother_node 0\n");
  remote_access_meter meter({.root = folder.path(), .counters = made_up.options()});
  meter.start();
  folder.write("sys/devices/system/node/node0/numastat", "local_node 11\nother_node 1\n");
  return meter.read();
}

TEST(node_counters, are_what_the_meter_tells_first) {
  made_up_counters made_up;
  made_up.threads = {{whole(75), whole(25)}};
  const auto read = measured(made_up);
  EXPECT_EQ(read.ratio, 0.25);
  EXPECT_EQ(read.source, "the processor's counters of node loads, of this process's threads");
  EXPECT_EQ(read.reason, "");
}

TEST(node_counters, without_a_load_are_an_unknown_ratio) {
  made_up_counters made_up;
  const auto read = measured(made_up);
  EXPECT_EQ(read.ratio, std::nullopt);
  EXPECT_THAT(read.source, HasSubstr("counters of node loads"));
  EXPECT_EQ(read.reason, "no load went past the caches");
}

TEST(node_counters, that_others_hold_or_that_cannot_be_read_are_an_unknown_ratio) {
  made_up_counters held;
  held.threads.assign(1000, {whole(100), {0, 1000, 0}});
  EXPECT_EQ(measured(held).ratio, std::nullopt);
  EXPECT_THAT(measured(held).reason, HasSubstr("these had no turn"));
  made_up_counters cut;
  cut.threads = {{whole(75), whole(25)}};
  cut.read_short = 8;
  EXPECT_EQ(measured(cut).ratio, std::nullopt);
  EXPECT_THAT(measured(cut).reason, HasSubstr("cannot be read"));
}

TEST(node_counters, that_are_refused_leave_the_meter_the_counts_of_pages) {
  made_up_counters made_up;
  made_up.loads_errno = EACCES;
  const auto read = measured(made_up);
  EXPECT_EQ(read.ratio, 0.5);
  EXPECT_THAT(read.source, HasSubstr("numastat"));
  EXPECT_THAT(read.reason, HasSubstr("perf_event_paranoid"));
}

/// The system's, with page faults for loads: those are counted everywhere, by the same rules of whom.
node_counters_options page_faults() {
  node_counters_options out;
  out.processor = zen4;
  out.calls.open = [](const perf_event_attr& what, int thread) {
    auto faults = what;
    faults.type = PERF_TYPE_SOFTWARE;
    faults.config = PERF_COUNT_SW_PAGE_FAULTS;
    return static_cast<int>(::syscall(SYS_perf_event_open, &faults, thread, -1, -1, PERF_FLAG_FD_CLOEXEC));
  };
  return out;
}

void touch_pages(std::size_t count) {
  const auto pages = test::small_pages(count);
  std::memset(pages.bytes().data(), 1, pages.bytes().size());
}

TEST(node_counters, of_this_system_count_new_threads_and_no_other_programs) {
  constexpr std::size_t pages = 20'000;
  const auto counters = node_counters::open(page_faults());
  if (!counters) GTEST_SKIP() << "left out for want of perf_event_open: " << counters.error().context;
  std::thread(touch_pages, pages).join();
  const auto of_thread = counters->read();
  ASSERT_TRUE(of_thread) << of_thread.error().context;
  EXPECT_GE(of_thread->local, pages);
  const auto seen = test::in_child([]() -> std::string {
    touch_pages(pages);
    return "touched";
  });
  ASSERT_EQ(seen, "touched");
  EXPECT_LT(counters->read()->local, of_thread->local + pages / 2);
}

}  // namespace
}  // namespace graphite
