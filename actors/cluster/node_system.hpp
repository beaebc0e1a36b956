#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/cluster/dialling.hpp"
#include "core/cancel_token.hpp"
#include "node/agent.hpp"

namespace graphite {

struct node_system_options : dialling_options {
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
