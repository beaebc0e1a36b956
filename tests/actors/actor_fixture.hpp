#pragma once

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "core/ports/clock.hpp"
#include "core/ports/log.hpp"
#include "platform/crypto/sha256.hpp"
#include "tests/support/memory_chunk_store.hpp"
#include "tests/support/memory_key_value_store.hpp"
#include "tests/support/recording_log.hpp"

namespace graphite::test {

/// CAF without threads: messages run when the test says so, time passes when the test says so.
class actor_fixture : public ::testing::Test {
 protected:
  struct config : caf::actor_system_config {
    config() { set("scheduler.policy", caf::atom("testing")); }
  };
  class virtual_clock final : public clock_source {
   public:
    time_point now() const override { return now_; }
    std::int64_t unix_ns() const override { return 1'700'000'000'000'000'000 + to_ns(now_); }
    time_point now_ = time_from_ns(1'000'000'000);
  };

  /// Runs messages until none is left; bounded, because timers may re-arm.
  void run() {
    for (int i = 0; i < 10'000 && scheduler().try_run_once(); ++i) {
    }
  }
  void pass(duration time) {
    clock.now_ += time;
    scheduler().advance_time(std::chrono::duration_cast<caf::timespan>(time));
    run();
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  template <class Handle>
  void end(Handle& handle) {
    caf::anon_send_exit(handle, caf::exit_reason::kill);
    handle = nullptr;
    run();
  }

  openssl_hasher hash;
  virtual_clock clock;
  recording_log log{log_level::error};
  memory_key_value_store rows;
  memory_chunk_store contents{hash};
  config cfg;
  caf::actor_system system{cfg};
};

}  // namespace graphite::test
