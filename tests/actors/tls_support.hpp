#pragma once

#include <caf/all.hpp>
#include <chrono>
#include <memory>

#include "actors/logger_guard.hpp"
#include "actors/tls.hpp"
#include "platform/crypto/ssl_calls.hpp"
#include "platform/crypto/tls_files.hpp"

namespace graphite::test {

inline std::int64_t unix_ns_now() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

inline tls_checks real_checks() {
  return {[](const tls_files& files) { return check_tls_files(files, unix_ns_now()); },
          [] { return check_ssl_calls(); }};
}

/// Of a peer that goes out with whatever it has.
inline tls_checks no_checks() {
  return {[](const tls_files&) { return result<void>(); }, [] { return result<void>(); }};
}

inline dial_options to(std::uint16_t port, duration wait = seconds(20)) {
  return {"127.0.0.1", port, wait, give_up_dials, take_dial_refusal};
}

/// An actor system with TLS, as a daemon has it.
class tls_system {
 public:
  explicit tls_system(const tls_files& files, const tls_checks& checks = real_checks(),
                      const tls_timing& timing = {}) {
    config_.set("scheduler.max-threads", std::size_t{1});
    config_.set("logger.verbosity", caf::atom("quiet"));
    ready_ = use_tls(config_, files, checks, timing);
    const logger_guard forget;
    if (ready_) system_ = std::make_unique<caf::actor_system>(config_);
  }

  const result<void>& ready() const { return ready_; }
  caf::actor_system& operator*() { return *system_; }
  caf::actor_system* operator->() { return system_.get(); }

 private:
  caf::actor_system_config config_;
  result<void> ready_;
  std::unique_ptr<caf::actor_system> system_;
};

/// Whether `whom` answers a number with the next one.
inline bool answers(caf::actor_system& system, const caf::actor& whom, std::chrono::seconds wait) {
  const logger_guard forget;
  bool out = false;
  caf::scoped_actor asker(system);
  asker->request(whom, wait, 41).receive([&](int got) { out = got == 42; }, [](const caf::error&) {});
  return out;
}

}  // namespace graphite::test
