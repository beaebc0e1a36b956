#include "cli/session_machine.hpp"

#include <pthread.h>

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
  if (const auto io = open_async_io(*out->pools_, {.depth = 1})) {
    out->io_adapter_ = (*io)->facts().name;
    out->io_reason_ = (*io)->facts().reason;
  }
  out->remote_.start();
  return out;
}

std::function<void()> session_machine::thread_start() const {
  if (!plan_.affinity.pinned) return [] {};
  return [cpus = plan_.affinity.domains.front().cpus] {
    (void)bind_thread(::pthread_self(), cpus);  // what went offline since then binds nothing
  };
}

machine_status session_machine::status() const {
  machine_status out;
  for (const auto& domain : plan_.affinity.domains)
    out.domains.push_back({domain.node, format_cpu_list(domain.cpus), domain.threads});
  out.pinned = plan_.affinity.pinned;
  out.pin_reason = plan_.affinity.reason;
  out.placement_reason = plan_.placement_reason;
  out.io_adapter = io_adapter_;
  out.io_reason = io_reason_;
  const auto remote = remote_.read();
  out.remote_access = remote.ratio;
  out.remote_source = remote.source;
  out.remote_reason = remote.reason;
  return out;
}

}  // namespace graphite
