#include "cli/session_machine.hpp"

#include <atomic>

#include "core/cpu_list.hpp"
#include "platform/linux/cpu_set.hpp"
#include "platform/linux/open_async_io.hpp"

namespace graphite {

result<std::unique_ptr<session_machine>> session_machine::open(const session_machine_options& options,
                                                               log_sink& log) {
  std::unique_ptr<session_machine> out(new session_machine(make_machine_plan(options.pin, options.jobs)));
  if (!out->plan_.warning.empty()) log.warn("{}", out->plan_.warning);
  domain_pools_options pools;
  pools.name = "build";
  pools.plan = out->plan_.affinity;
  pools.nice = 10;
  GRAPHITE_TRY(out->pools_, domain_pools::make(pools));
  if (options.serves) out->remote_.start();
  return out;
}

std::function<void()> session_machine::thread_start() const {
  if (!plan_.affinity.pinned) return [] {};
  // What went offline since then binds nothing.
  return [cpus = plan_.affinity.domains.front().cpus, one_each = plan_.affinity.one_each,
          turn = std::make_shared<std::atomic<std::size_t>>(0)] {
    (void)bind_to_domain(cpus, one_each, turn->fetch_add(1));
  };
}

machine_status session_machine::status() const {
  machine_status out;
  for (const auto& domain : plan_.affinity.domains)
    out.domains.push_back({domain.node, format_cpu_list(domain.cpus), domain.threads});
  out.pinned = plan_.affinity.pinned;
  out.pin_reason = plan_.affinity.reason;
  out.placement_reason = plan_.placement_reason;
  const std::lock_guard lock(asked_);
  if (!io_) {
    const auto opened = open_async_io(*pools_, {.depth = 1});
    io_ = opened ? (*opened)->facts() : async_io_facts{.name = "none", .reason = opened.error().context};
  }
  out.io_adapter = io_->name;
  out.io_reason = io_->reason;
  const auto remote = remote_.read();
  out.remote_access = remote.ratio;
  out.remote_source = remote.source;
  out.remote_reason = remote.reason;
  return out;
}

}  // namespace graphite
