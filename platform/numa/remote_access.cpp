#include "platform/numa/remote_access.hpp"

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
#include <charconv>
#include <filesystem>
#include <system_error>

#include "core/cpu_list.hpp"
#include "platform/numa/kernel_file.hpp"

namespace graphite {

namespace {

/// The value behind "NAME " at the beginning of a line.
std::optional<std::uint64_t> field_of(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    std::uint64_t out = 0;
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ' ') {
      const auto number = line.substr(name.size() + 1);
      const auto [stopped, failure] = std::from_chars(number.data(), number.data() + number.size(), out);
      if (failure == std::errc() && stopped == number.data() + number.size()) return out;
      return std::nullopt;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::nullopt;
}

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

/// Counts loads of a thread, and of those that it starts, in user mode.
owned_fd open_node_counter(int thread, std::uint64_t outcome) {
  struct perf_event_attr attributes {};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_HW_CACHE;
  attributes.config = PERF_COUNT_HW_CACHE_NODE | PERF_COUNT_HW_CACHE_OP_READ << 8 | outcome << 16;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  attributes.inherit = 1;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  return owned_fd(
      static_cast<int>(::syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC)));
}

std::string why_no_counter(int failure) {
  if (failure == EACCES || failure == EPERM)
    return "the processor's counters may not be opened (perf_event_paranoid, or a container's filter)";
  if (failure == ENOENT || failure == EOPNOTSUPP || failure == ENODEV || failure == EINVAL)
    return "this processor, or the virtual machine around it, has no counter of node loads";
  if (failure == ENOSYS) return "this kernel has no perf_event_open, or a filter hides it";
  return errno_error(failure, "the processor's counters cannot be opened").context;
}

result<std::uint64_t> read_counter(const owned_fd& counter) {
  std::array<std::uint64_t, 3> values{};
  if (::read(counter.get(), values.data(), sizeof values) != static_cast<ssize_t>(sizeof values))
    return fail(errc::io, "the processor's counters cannot be read");
  return scaled_count(values[0], values[1], values[2]);
}

std::vector<int> threads_of_process() {
  std::vector<int> out;
  std::error_code failure;
  for (std::filesystem::directory_iterator at("/proc/self/task", failure), end; !failure && at != end;
       at.increment(failure))
    out.push_back(std::atoi(at->path().filename().c_str()));
  return out;
}

}  // namespace

std::optional<double> remote_ratio(const access_counts& counts) {
  const double all = static_cast<double>(counts.local) + static_cast<double>(counts.remote);
  if (all == 0) return std::nullopt;
  return static_cast<double>(counts.remote) / all;
}

result<access_counts> parse_numastat(std::string_view text) {
  const auto local = field_of(text, "local_node"), other = field_of(text, "other_node");
  if (!local || !other)
    return fail(errc::invalid_argument, "a node's numastat has no local_node or other_node");
  return access_counts{*local, *other};
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

std::uint64_t scaled_count(std::uint64_t value, std::uint64_t enabled, std::uint64_t running) {
  if (running == 0 || running >= enabled) return value;
  return static_cast<std::uint64_t>(static_cast<double>(value) * static_cast<double>(enabled) /
                                    static_cast<double>(running));
}

result<void> remote_access_meter::start_hardware() {
  if (!options_.hardware) return fail(errc::unsupported, "the processor's counters are not asked for");
  const auto threads = threads_of_process();
  if (threads.size() > options_.threads_max)
    return fail(errc::unsupported,
                fmt::format("{} threads are too many for the processor's counters", threads.size()));
  for (const int thread : threads) {
    thread_counters opened;
    opened.loads = open_node_counter(thread, PERF_COUNT_HW_CACHE_RESULT_ACCESS);
    if (opened.loads) opened.misses = open_node_counter(thread, PERF_COUNT_HW_CACHE_RESULT_MISS);
    if (opened.misses)
      counters_.push_back(std::move(opened));
    else if (errno != ESRCH)  // it has just ended
      return fail(errc::unsupported, why_no_counter(errno));
  }
  return {};
}

void remote_access_meter::start() {
  counters_.clear();
  no_hardware_.clear();
  pages_before_.reset();
  if (const auto started = start_hardware(); !started) {
    counters_.clear();
    no_hardware_ = started.error().context;
    pages_before_ = read_pages();
  }
}

result<remote_access> remote_access_meter::read_hardware() const {
  access_counts sum;
  const bool both = node_loads_have_remote_ones(this_processor());
  for (const auto& counter : counters_) {
    GRAPHITE_TRY(const auto loads, read_counter(counter.loads));
    GRAPHITE_TRY(const auto misses, read_counter(counter.misses));
    const auto counts = counts_of_loads(loads, misses, both);
    sum.local += counts.local;
    sum.remote += counts.remote;
  }
  remote_access out{remote_ratio(sum), "the processor's counters of node loads, of this process", ""};
  if (!out.ratio) out.reason = "no load went past the caches";
  return out;
}

result<access_counts> remote_access_meter::read_pages() const {
  const auto folder = options_.root + "/sys/devices/system/node/";
  GRAPHITE_TRY(const auto online, read_kernel_file(folder + "online"));
  GRAPHITE_TRY(const auto nodes, parse_cpu_list(online));
  access_counts sum;
  for (const int node : nodes) {
    GRAPHITE_TRY(const auto text, read_kernel_file(fmt::format("{}node{}/numastat", folder, node)));
    GRAPHITE_TRY(const auto counts, parse_numastat(text));
    sum.local += counts.local;
    sum.remote += counts.remote;
  }
  return sum;
}

remote_access remote_access_meter::read() const {
  if (!counters_.empty()) {
    const auto counted = read_hardware();
    return counted ? *counted : remote_access{.reason = counted.error().context};
  }
  if (!pages_before_) return {.reason = "nothing was measured yet"};
  const auto now = read_pages();
  const auto& before = *pages_before_;
  if (!before || !now)
    return {.reason = no_hardware_ +
                      "; the kernel does not tell of pages: " + (before ? now : before).error().context};
  remote_access out{.source = "the kernel's counts of allocated pages (numastat), of the whole machine",
                    .reason = no_hardware_};
  // A node that went offline takes its counts along.
  if (now->local < before->local || now->remote < before->remote) {
    out.reason += "; nodes came or went";
    return out;
  }
  out.ratio = remote_ratio({now->local - before->local, now->remote - before->remote});
  if (!out.ratio) out.reason += "; no page was allocated, or vm.numa_stat is off";
  return out;
}

}  // namespace graphite
