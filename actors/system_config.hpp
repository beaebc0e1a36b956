#pragma once

#include <caf/all.hpp>
#include <functional>
#include <utility>

namespace graphite {

/// Of every process here: few threads, since what blocks has threads of its own, and a silent CAF.
struct small_system_config : caf::actor_system_config {
  /// `on_thread` is the first thing in each thread of the actors: it may bind them.
  explicit small_system_config(std::function<void()> on_thread) {
    add_thread_hook<begin_thread>(std::move(on_thread));
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
    set("logger.verbosity", caf::atom("quiet"));
  }

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
