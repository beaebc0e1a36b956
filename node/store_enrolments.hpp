#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/hello.hpp"
#include "core/messages/stores.hpp"
#include "core/units.hpp"

namespace graphite {

/// How a process gets its grants at the stores that it connects to: by its role key, or by a pass.
///
/// Pure but for the signatures; one thread. Each connection enrols once; who is refused tries again after a
/// pause that doubles.
class store_enrolments {
 public:
  struct credential {
    curve_key own;                       ///< that its connections prove
    std::optional<hello_identity> self;  ///< its role key …
    byte_vector pass = {};               ///< … or a pass for `own`
  };
  struct options {
    duration answer_within = seconds(10);
    duration pause = seconds(1), pause_max = seconds(30);
  };
  struct command {
    std::string store;
    stores::request what;
  };

  /// `verifier` outlives it.
  store_enrolments(credential shown, options chosen, const signature_verifier& verifier)
      : shown_(std::move(shown)), options_(chosen), verifier_(verifier) {}

  /// A connection to the store, which has proved `key`, stands. True: it is this very process, which has
  /// nothing to prove there (store_access::admit), and may be asked.
  bool connected(const std::string& store, const curve_key& key);
  void lost(const std::string& store) { open_.erase(store); }
  /// The store refused a request for want of a grant.
  void refused(const std::string& store, const hello_time& at);

  /// What is to be sent now.
  std::vector<command> step(const hello_time& at);
  /// True: the store may be asked from now on. False: it is not over. Errors: it was refused, or the store is
  /// not who it should be; it is tried again.
  result<bool> answered(const std::string& store, const result<stores::reply>& reply, random_source& random,
                        const role_trust& trust, const hello_time& at);
  /// Whether an answer of this store is one to an enrolment.
  bool waits_for(const std::string& store) const;
  std::optional<time_point> next_step() const;

 private:
  enum class state { begins, begun, proving, done };
  struct connection {
    curve_key key;
    state at = state::begins;
    std::unique_ptr<hello_dialler> dialler;
    byte_vector answer;  ///< to be sent
    time_point not_before{}, until{};
    duration pause{};
  };

  void pause(connection& of, const hello_time& at);
  result<bool> go_on(connection& of, byte_span shown, random_source& random, const role_trust& trust,
                     const hello_time& at);

  const credential shown_;
  const options options_;
  const signature_verifier& verifier_;
  std::map<std::string, connection> open_;
};

}  // namespace graphite
