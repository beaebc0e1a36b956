#include "cli/session_machine.hpp"

#include <atomic>

#include "core/cpu_list.hpp"
#include "platform/linux/cpu_set.hpp"
#include "platform/linux/open_async_io.hpp"

namespace graphite {

void binding_refusal::note(const error& why) {
  const std::lock_guard lock(mutex_);
  if (!reason_.empty()) return;
  reason_ = "not everything is bound to its processors: " + why.context;
  log_.warn("{}", reason_);
}

std::string binding_refusal::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

result<std::unique_ptr<session_machine>> session_machine::open(const session_machine_options& options,
                                                               log_sink& log) {
  std::unique_ptr<session_machine> out(
      new session_machine(make_machine_plan(options.pin, options.jobs), log));
  if (!out->plan_.warning.empty()) log.warn("{}", out->plan_.warning);
  domain_pools_options pools;
  pools.name = "build";
  pools.plan = out->plan_.affinity;
  pools.nice = 10;
  GRAPHITE_TRY(out->pools_, domain_pools::make(pools));
  if (const auto unbound = out->pools_->unbound()) {
    out->refused_->note(*unbound);
    out->plan_.affinity.pinned = false;
  }
  if (options.serves) out->remote_.start();
  return out;
}

std::function<void()> session_machine::thread_start() const {
  if (!plan_.affinity.pinned) return [] {};
  return [cpus = plan_.affinity.domains.front().cpus, one_each = plan_.affinity.one_each,
          turn = std::make_shared<std::atomic<std::size_t>>(0), refused = refused_] {
    if (const auto bound = bind_to_domain(cpus, one_each, turn->fetch_add(1)); !bound)
      refused->note(bound.error());
  };
}

std::function<void(const error&)> session_machine::on_unbound() const {
  return [refused = refused_](const error& why) { refused->note(why); };
}

machine_status session_machine::status() const {
  machine_status out;
  for (const auto& domain : plan_.affinity.domains)
    out.domains.push_back({domain.node, format_cpu_list(domain.cpus), domain.threads});
  const auto refused = refused_->reason();
  out.pinned = plan_.affinity.pinned && refused.empty();
  out.pin_reason = refused.empty() ? plan_.affinity.reason : refused;
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
