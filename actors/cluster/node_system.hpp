#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/cluster/cluster_control.hpp"
#include "core/cancel_token.hpp"
#include "node/agent.hpp"

namespace graphite {

struct node_system_options {
  std::string host = "127.0.0.1";  ///< of the coordinator
  std::uint16_t port = 7401;
  std::string coordinator;  ///< how it has to be called; empty: any
  control_security security;
  /// See platform/crypto/ssl_calls.
  std::function<void(std::uint16_t port)> give_up;
  std::function<std::optional<std::string>(std::uint16_t port)> why_refused;
  duration dial_within = seconds(5);
  clock_source* clock = nullptr;
  log_sink* log = nullptr;
  node_agent_options agent;
  std::function<void()> on_thread = [] {};  ///< first thing in each thread of the actors
  /// Runs it on a thread of its domain and calls `done` once, from any thread. Must not block itself.
  std::function<void(const agent_commands::start&, const cancel_token&,
                     std::function<void(control::attempt_end)> done)>
      run;
  std::function<void(const control::settings&)> settle = [](const auto&) {};
  /// What the store has asked, and which keys are revoked, as the coordinator says.
  std::function<void(const control::need_answer&)> answered = [](const auto&) {};
  std::function<void(const control::revocations&)> revoked = [](const auto&) {};
  /// It has left, or (with why) the coordinator will never take it. Once, from any thread.
  std::function<void(const error* why)> on_end = [](const auto*) {};
};

/// The actors of a node, wired: one connection to the coordinator that is kept, and what it assigns. Hides
/// CAF. Thread-safe.
class node_system {
 public:
  virtual ~node_system() = default;
  /// Hands back what waits, finishes what runs, then on_end is called. Once.
  virtual void leave(std::string why) = 0;
  /// Of the store beside it. Without a coordinator it is forgotten: the store says it again.
  virtual void ask(control::need_question question) = 0;
  virtual void tell(const control::store_state& state) = 0;
};
/// Errors: those of use_tls.
result<std::unique_ptr<node_system>> make_node_system(node_system_options options);

}  // namespace graphite
