#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/hello.hpp"
#include "core/messages/stores.hpp"

namespace graphite {

/// Which CURVE keys may use a store's port, until when.
///
/// A process of the cluster proves its role key in a hello (core/hello.hpp) that is bound to the CURVE keys
/// of both ends of its connection; a client that submits work shows a pass by the coordinator for its CURVE
/// key (core/store_pass.hpp). What was proved is granted to that key while the statements behind it hold.
/// Pure but for the signatures; one thread, or behind a lock. Nothing outlives the process: a client enrols
/// again.
class store_access {
 public:
  struct options {
    std::set<role> roles{role::node, role::watch};  ///< whose processes may
    std::size_t clients_max = 4096;
    std::size_t pending_max = 1024;  ///< hellos that wait for their answer; the oldest one goes
    duration answer_within = seconds(10);
  };
  /// `port`: the CURVE key that the port proves. `verifier` outlives it.
  store_access(hello_identity self, const curve_key& port, role_trust trust, options chosen,
               const signature_verifier& verifier);

  /// The process's own key: nobody says hello to itself.
  void admit(const curve_key& own) { own_.insert(own); }
  /// `who` has proved its CURVE key on the connection that this came by. At most two verifications.
  /// Errors: permission_denied and those of hello_listener; busy (as many clients as there can be).
  result<stores::enrol_reply> enrol(const curve_key& who, const stores::enrol_request& request,
                                    random_source& random, const hello_time& at);
  /// Whether `who` may ask for something now. Errors: permission_denied, and what to do about it.
  result<void> check(const curve_key& who, std::int64_t unix_ns);
  /// For people: "node 'n1'", "a client of tenant main". Empty where it has no grant.
  std::string name_of(const curve_key& who) const;

  /// What counts from now on. Grants behind which a key was revoked end; all do where the roots are others.
  void set_trust(role_trust trust);
  /// Shows another role key from now on.
  void renew(hello_identity self) { self_ = std::move(self); }
  std::size_t clients() const { return grants_.size(); }
  std::size_t pending() const { return pending_.size(); }

 private:
  struct grant {
    std::string name;
    std::uint64_t serial = 0;  ///< of the role key behind it
    std::int64_t until_unix_ns = 0;
  };
  struct asked {
    std::unique_ptr<hello_listener> listener;  ///< for this one connection: it is bound to its keys
    std::uint64_t number = 0;
  };

  result<stores::enrol_reply> begin(const curve_key& who, random_source& random, const hello_time& at);
  result<stores::enrol_reply> prove(const curve_key& who, byte_span answer, const hello_time& at);
  result<stores::enrol_reply> show_pass(const curve_key& who, byte_span pass, std::int64_t unix_ns);
  result<void> add(const curve_key& who, grant granted, std::int64_t unix_ns);

  hello_identity self_;
  const curve_key port_;
  role_trust trust_;
  const options options_;
  const signature_verifier& verifier_;
  std::set<curve_key> own_;
  std::map<curve_key, grant> grants_;
  std::map<curve_key, asked> pending_;
  std::map<std::uint64_t, curve_key> pending_order_;
  std::uint64_t last_number_ = 0;
};

}  // namespace graphite
