#pragma once

#include <caf/all.hpp>
#include <functional>
#include <utility>

#include "actors/cluster/cluster_control.hpp"
#include "actors/tls.hpp"

namespace graphite {

/// Of a process that dials a control port: few threads, TLS or nothing.
struct tls_system_config : caf::actor_system_config {
  tls_system_config(const control_security& by, std::function<void()> on_thread) {
    add_thread_hook<begin_thread>(std::move(on_thread));
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
    set("logger.verbosity", caf::atom("quiet"));
    ready = use_tls(*this, by.files, {by.check_files, by.check_calls});
  }

  result<void> ready;  ///< errors: those of use_tls

 private:
  class begin_thread final : public caf::thread_hook {
   public:
    explicit begin_thread(std::function<void()> call) : call_(std::move(call)) {}
    void init(caf::actor_system&) override {}
    void thread_started() override { call_(); }
    void thread_terminates() override {}

   private:
    std::function<void()> call_;
  };
};

}  // namespace graphite
