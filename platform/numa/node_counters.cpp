#include "platform/numa/node_counters.hpp"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <system_error>

namespace graphite {

namespace {

constexpr auto count_max = std::numeric_limits<std::uint64_t>::max();

processor_model this_processor() {
  processor_model out;
#if defined(__x86_64__) || defined(__i386__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (::__get_cpuid(0, &a, &b, &c, &d) == 0) return out;
  if (b == signature_INTEL_ebx) out.by = processor_model::maker::intel;
  if (b == signature_AMD_ebx) out.by = processor_model::maker::amd;
  if (::__get_cpuid(1, &a, &b, &c, &d) == 0) return out;
  const unsigned family = a >> 8 & 0xf;
  out.family = family == 0xf ? family + (a >> 20 & 0xff) : family;
  out.model = (a >> 4 & 0xf) | (a >> 12 & 0xf0);
#endif
  return out;
}

int open_of_system(const perf_event_attr& what, int thread) {
  return static_cast<int>(::syscall(SYS_perf_event_open, &what, thread, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

ssize_t read_of_system(int descriptor, std::span<std::byte> into) {
  return ::read(descriptor, into.data(), into.size());
}

/// Loads of a thread, and of the threads (no programs) that it starts, in user mode.
perf_event_attr node_loads(std::uint64_t outcome) {
  perf_event_attr out{};
  out.size = sizeof out;
  out.type = PERF_TYPE_HW_CACHE;
  out.config = PERF_COUNT_HW_CACHE_NODE | PERF_COUNT_HW_CACHE_OP_READ << 8 | outcome << 16;
  out.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  out.inherit = 1;
  out.inherit_thread = 1;
  out.exclude_kernel = 1;
  out.exclude_hv = 1;
  return out;
}

std::string why_no_counter(int failure) {
  if (failure == EACCES || failure == EPERM)
    return "the processor's counters may not be opened (perf_event_paranoid, or a container's filter)";
  if (failure == ENOENT || failure == EOPNOTSUPP || failure == ENODEV)
    return "this processor, or the virtual machine around it, has no counter of node loads";
  if (failure == EINVAL)
    return "this processor has no counter of node loads, or this kernel cannot leave other programs out "
           "of it (Linux 5.13 can)";
  if (failure == ENOSYS) return "this kernel has no perf_event_open, or a filter hides it";
  return errno_error(failure, "the processor's counters cannot be opened").context;
}

std::vector<int> threads_of_process() {
  std::vector<int> out;
  std::error_code failure;
  for (std::filesystem::directory_iterator at("/proc/self/task", failure), end; !failure && at != end;
       at.increment(failure))
    out.push_back(std::atoi(at->path().filename().c_str()));
  return out;
}

std::uint64_t sum_of(std::uint64_t a, std::uint64_t b) { return a > count_max - b ? count_max : a + b; }

}  // namespace

std::optional<std::uint64_t> scaled_count(const counter_value& counter) {
  const auto [value, enabled, running] = counter;
  if (running >= enabled) return value;
  if (running == 0) return std::nullopt;
  const auto out = static_cast<double>(value) * (static_cast<double>(enabled) / static_cast<double>(running));
  return out < static_cast<double>(count_max) ? static_cast<std::uint64_t>(out) : count_max;
}

bool node_loads_have_remote_ones(const processor_model& processor) {
  // Nehalem, Westmere, Sandy Bridge, Ivy Bridge.
  constexpr std::array before_haswell{0x1au, 0x1eu, 0x1fu, 0x2eu, 0x25u, 0x2cu,
                                      0x2fu, 0x2au, 0x2du, 0x3au, 0x3eu};
  constexpr unsigned zen_family = 0x17;
  if (processor.by == processor_model::maker::amd) return processor.family < zen_family;
  return processor.by == processor_model::maker::intel && processor.family == 6 &&
         std::find(before_haswell.begin(), before_haswell.end(), processor.model) != before_haswell.end();
}

access_counts counts_of_loads(std::uint64_t loads, std::uint64_t misses, bool loads_have_remote_ones) {
  return {loads_have_remote_ones ? loads - std::min(loads, misses) : loads, misses};
}

result<node_counters> node_counters::open(const node_counters_options& options) {
  const auto threads = threads_of_process();
  if (threads.size() > options.threads_max)
    return fail(errc::unsupported,
                fmt::format("{} threads are too many for the processor's counters", threads.size()));
  node_counters out;
  out.calls_.open = options.calls.open ? options.calls.open : open_of_system;
  out.calls_.read = options.calls.read ? options.calls.read : read_of_system;
  out.loads_have_remote_ones_ = node_loads_have_remote_ones(options.processor.value_or(this_processor()));
  for (const int thread : threads) GRAPHITE_CHECK(out.add(thread));
  if (out.threads_.empty()) return fail(errc::unsupported, "the threads of this process cannot be seen");
  return out;
}

result<void> node_counters::add(int thread) {
  of_thread opened;
  opened.loads = owned_fd(calls_.open(node_loads(PERF_COUNT_HW_CACHE_RESULT_ACCESS), thread));
  if (opened.loads)
    opened.misses = owned_fd(calls_.open(node_loads(PERF_COUNT_HW_CACHE_RESULT_MISS), thread));
  if (opened.misses)
    threads_.push_back(std::move(opened));
  else if (errno != ESRCH)  // it has just ended
    return fail(errc::unsupported, why_no_counter(errno));
  return {};
}

result<counter_value> node_counters::value_of(const owned_fd& counter) const {
  counter_value out;
  const auto bytes = std::as_writable_bytes(std::span(&out, 1));
  if (calls_.read(counter.get(), bytes) != static_cast<ssize_t>(bytes.size()))
    return fail(errc::io, "the processor's counters cannot be read");
  return out;
}

result<access_counts> node_counters::read() const {
  access_counts sum;
  bool counted = false;
  for (const auto& thread : threads_) {
    GRAPHITE_TRY(const auto loads, value_of(thread.loads));
    GRAPHITE_TRY(const auto misses, value_of(thread.misses));
    const auto all = scaled_count(loads), missed = scaled_count(misses);
    if (!all || !missed) continue;
    counted = true;
    const auto counts = counts_of_loads(*all, *missed, loads_have_remote_ones_);
    sum = {sum_of(sum.local, counts.local), sum_of(sum.remote, counts.remote)};
  }
  if (!counted) return fail(errc::unsupported, "others hold the processor's counters: these had no turn");
  return sum;
}

}  // namespace graphite
