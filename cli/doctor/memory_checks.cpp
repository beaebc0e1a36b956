#include "cli/doctor/memory_checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/units.hpp"

namespace graphite::doctor {

namespace {

constexpr std::uint64_t memory_low = 1 * GiB;  ///< a built-in transform may use so much
constexpr std::uint64_t memory_of_action = 256 * MiB;

finding judge_pools(const memory_facts& facts) {
  if (facts.pools.empty())
    return note(
        "huge_pages", "this kernel has no pools of huge pages (hugetlbfs), or does not show them",
        "Nothing depends on them; with a kernel of the distribution and /sys mounted they are there.");
  std::string found;
  bool some = false, available = false;
  for (const auto& pool : facts.pools) {
    found += fmt::format("{}{}: {} of {} free", found.empty() ? "" : "; ", text_of_bytes(pool.page_bytes),
                         pool.available(), pool.total);
    some = some || pool.total + pool.overcommit > 0;
    available = available || pool.available() > 0;
  }
  if (available) return ok("huge_pages", found);
  return note("huge_pages", found + (some ? ": all are taken" : ": none are set aside"),
              "To set 128 MiB of 2 MiB pages aside: `sysctl -w vm.nr_hugepages=64` as root on the host, and "
              "in /etc/sysctl.d to keep it; Kubernetes: `resources.limits.hugepages-2Mi`.");
}

finding judge_transparent(const memory_facts& facts) {
  const auto size = text_of_bytes(facts.transparent_bytes);
  switch (facts.transparent) {
    case transparent_mode::always:
      return ok("transparent_huge_pages", "always, of " + size);
    case transparent_mode::madvise:
      return ok("transparent_huge_pages", "madvise, of " + size + ": large buffers ask for them");
    case transparent_mode::never:
      return warning("transparent_huge_pages", "never: large buffers lie in small pages",
                     "`echo madvise > /sys/kernel/mm/transparent_hugepage/enabled` as root on the host; "
                     "`transparent_hugepage=madvise` on the kernel's command line keeps it.");
    case transparent_mode::absent:
      break;
  }
  return note("transparent_huge_pages", "this kernel has none, or does not tell",
              "Nothing depends on them; a kernel of the distribution has them.");
}

finding judge_limit(const group_limit& limit, std::size_t threads) {
  if (!limit.most) return ok("memory_limit", "no control group limits the memory");
  const auto found =
      fmt::format("{} of {} in use ({})", text_of_bytes(limit.used), text_of_bytes(*limit.most), limit.group);
  const auto advice = fmt::format(
      "Raise it: `docker run --memory`, `resources.limits.memory` in Kubernetes, `MemoryMax=` of a systemd "
      "unit; or run fewer actions at once: `--jobs {}`.",
      std::clamp<std::uint64_t>(*limit.most / memory_of_action, 1, threads));
  if (*limit.most < memory_low) return warning("memory_limit", found + ": large actions are killed", advice);
  if (*limit.most / memory_of_action < threads)
    return note("memory_limit",
                fmt::format("{}: little for {}", found, counted(threads, "action") + " at once"), advice);
  return ok("memory_limit", found);
}

}  // namespace

findings judge_memory(const memory_report& report) {
  const auto& facts = report.facts;
  return {ok("page_size", text_of_bytes(facts.page_bytes)),
          ok("cache_line", text_of_bytes(facts.cache_line_bytes)), judge_pools(facts),
          judge_transparent(facts), judge_limit(report.limit, report.threads)};
}

}  // namespace graphite::doctor
