#include "platform/numa/remote_access.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
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

remote_access read_hardware(const node_counters& counters) {
  const auto counts = counters.read();
  if (!counts) return {.reason = counts.error().context};
  remote_access out{.ratio = remote_ratio(*counts),
                    .source = "the processor's counters of node loads, of this process's threads"};
  if (!out.ratio) out.reason = "no load went past the caches";
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

void remote_access_meter::start() {
  counters_.reset();
  pages_before_.reset();
  counters_ = options_.hardware ? node_counters::open(options_.counters)
                                : fail(errc::unsupported, "the processor's counters are not asked for");
  if (!*counters_) pages_before_ = read_pages();
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
  if (!counters_) return {.reason = "nothing was measured yet"};
  if (*counters_) return read_hardware(**counters_);
  const auto& no_hardware = counters_->error().context;
  const auto now = read_pages();
  const auto& before = *pages_before_;
  if (!before || !now)
    return {.reason = no_hardware +
                      "; the kernel does not tell of pages: " + (before ? now : before).error().context};
  remote_access out{.source = "the kernel's counts of allocated pages (numastat), of the whole machine",
                    .reason = no_hardware};
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
