#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "actors/cluster/control_dialler.hpp"
#include "actors/cluster/control_gate.hpp"
#include "platform/crypto/ed25519.hpp"
#include "tests/actors/tls_support.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite::test {

class steady_time final : public clock_source {
 public:
  time_point now() const override { return std::chrono::steady_clock::now(); }
  std::int64_t unix_ns() const override { return unix_ns_now(); }
};

/// Roots, and the keys that they gave out.
class role_keys {
 public:
  std::shared_ptr<const hello_identity> identity(role what, const std::string& name, std::uint64_t serial,
                                                 duration lasts = std::chrono::hours(1)) const {
    const std::shared_ptr<ed25519_signer> key = ed25519_signer::generate().value();
    const auto now = unix_ns_now();
    const role_key_statement said{what, name, key->key(), serial, {now - 1'000'000'000, now + lasts.count()}};
    incarnation_id start;
    start.value.bytes.fill(static_cast<std::uint8_t>(serial));
    return std::make_shared<const hello_identity>(
        hello_identity::make(sign_role_key(said, *root_).value(), key, start, trust(), verifier, now)
            .value());
  }
  role_trust trust() const {
    const std::lock_guard lock(mutex_);
    return {{root_->key()}, revoked_};
  }
  void revoke(std::uint64_t serial) {
    const std::lock_guard lock(mutex_);
    revoked_.insert(serial);
  }

  ed25519_verifier verifier;

 private:
  std::shared_ptr<ed25519_signer> root_ = ed25519_signer::generate().value();
  mutable std::mutex mutex_;
  std::set<std::uint64_t> revoked_;
};

/// What a gate or a dialler told. Thread-safe.
class heard_events {
 public:
  void add(const control_event_ptr& one) {
    const std::lock_guard lock(mutex_);
    all_.push_back(one);
  }
  template <class What>
  std::vector<std::pair<control_link, What>> of() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<control_link, What>> out;
    for (const auto& one : all_)
      if (const auto* what = std::get_if<What>(&one->what)) out.emplace_back(one->link, *what);
    return out;
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (auto& [link, text] : of<std::string>()) out.push_back(text);
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<control_event_ptr> all_;
};

inline control_sink::behavior_type keep_events(control_sink::pointer, heard_events* to) {
  return {[to](atom::control, const control_event_ptr& one) { to->add(one); }};
}

inline void say(const caf::actor& by, control_link link, std::string text, bool ends = false) {
  caf::anon_send(by, atom::control_v,
                 std::make_shared<const control_frame>(control_frame{link, std::move(text), ends}));
}

/// A process that listens.
class gate_process {
 public:
  gate_process(const certificate_authority& authority, const role_keys& keys, control_gate_dependencies how,
               std::uint16_t port = 0)
      : system(authority.issue("coordinator")) {
    const logger_guard forget;
    sink_ = system->spawn(keep_events, &heard);
    how.verifier = &keys.verifier;
    how.random = &random_;
    how.clock = &time_;
    how.log = &log;
    if (!how.self) how.self = keys.identity(role::coordinator, "main", 1);
    if (!how.trust) how.trust = [&keys] { return keys.trust(); };
    how.sink = sink_;
    how.refused_by_tls = [] {
      std::vector<std::string> out;
      for (const auto& one : take_refused_peers()) out.push_back(one.peer + ": " + one.why);
      return out;
    };
    gate = system->spawn(control_gate, std::move(how));
    port_ = listen_tls(gate, port, "127.0.0.1").value();
  }
  ~gate_process() {
    const logger_guard forget;
    stop_listening(gate, port_);
    caf::anon_send_exit(gate, caf::exit_reason::user_shutdown);
    gate = nullptr;
    sink_ = nullptr;
  }

  std::uint16_t port() const { return port_; }

  heard_events heard;
  recording_log log;

 private:
  steady_time time_;
  seeded_random random_{1};

 public:
  tls_system system;  // after all that its actors use
  caf::actor gate;

 private:
  control_sink sink_;
  std::uint16_t port_ = 0;
};

/// A process that dials.
class dialling_process {
 public:
  dialling_process(const certificate_authority& authority, const role_keys& keys, std::uint16_t port,
                   std::shared_ptr<const hello_identity> self, hello_dialler::options hello = {})
      : system(authority.issue("node")) {
    const logger_guard forget;
    sink_ = system->spawn(keep_events, &heard);
    control_dialler_dependencies how;
    how.self = std::move(self);
    how.hello = std::move(hello);
    how.verifier = &keys.verifier;
    how.random = &random_;
    how.clock = &time_;
    how.log = &log;
    how.trust = [&keys] { return keys.trust(); };
    how.sink = sink_;
    how.dial = [this, port] { return dial_tls(*system, to(port, seconds(5))); };
    how.again_max = milliseconds(200);
    dialler = system->spawn(control_dialler, std::move(how));
  }
  ~dialling_process() {
    const logger_guard forget;
    caf::anon_send_exit(dialler, caf::exit_reason::user_shutdown);
    dialler = nullptr;
    sink_ = nullptr;
  }

  heard_events heard;
  recording_log log;

 private:
  steady_time time_;
  seeded_random random_{2};

 public:
  tls_system system;  // after all that its actors use
  caf::actor dialler;

 private:
  control_sink sink_;
};

class control_connection : public ::testing::Test {
 protected:
  using came = control_event::came;
  using gone = control_event::gone;

  static control_gate_dependencies nodes_only() {
    control_gate_dependencies out;
    out.hello.wanted = {role::node};
    return out;
  }
  std::shared_ptr<const hello_identity> node(std::uint64_t serial = 7) {
    return keys_.identity(role::node, "node-1", serial);
  }
  /// Both sides know of each other; the link at the gate.
  static control_link met(const gate_process& gate, const dialling_process& node, std::size_t times = 1) {
    EXPECT_TRUE(wait_until(
        [&] { return gate.heard.of<came>().size() >= times && node.heard.of<came>().size() >= times; }));
    const auto all = gate.heard.of<came>();
    return all.empty() ? 0 : all.back().first;
  }

  temporary_folder folder_;
  certificate_authority authority_{folder_, "control"};
  role_keys keys_;
};

}  // namespace graphite::test
