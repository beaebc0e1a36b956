#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/error.hpp"
#include "core/rate_limit.hpp"
#include "core/units.hpp"

namespace graphite {

/// What each identity uses of a service, over all its connections.
///
/// Pure, one thread; must outlive its visits. Holds at most `identities_max`: one is forgotten once it has no
/// connection and could call as often as a new one.
class identity_table {
 public:
  struct limits {
    std::uint32_t connections_max = 16;  ///< of one identity
    event_rate calls{200, 400};          ///< of one identity
    std::size_t identities_max = 4'096;
  };

 private:
  struct use {
    std::uint32_t connections = 0;
    rate_limit calls;
  };

 public:
  /// One connection of an identity, as long as it lives.
  class visit {
   public:
    explicit visit(use& of) : use_(of) { ++use_.connections; }
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit() { --use_.connections; }
    bool may_call(time_point now) { return use_.calls.take(now); }

   private:
    use& use_;
  };

  explicit identity_table(limits most) : limits_(most) {}

  /// Errors: busy (this identity has too many connections; there are too many identities).
  result<std::unique_ptr<visit>> enter(const std::string& identity, time_point now) {
    auto known = uses_.find(identity);
    if (known == uses_.end()) {
      if (uses_.size() >= limits_.identities_max) forget_idle(now);
      if (uses_.size() >= limits_.identities_max)
        return fail(errc::busy, "the service has too many different clients; try again");
      known = uses_.emplace(identity, use{0, rate_limit(limits_.calls)}).first;
    }
    if (known->second.connections >= limits_.connections_max)
      return fail(errc::busy, identity + " has too many connections to this service");
    return std::make_unique<visit>(known->second);
  }
  std::size_t size() const { return uses_.size(); }

 private:
  void forget_idle(time_point now) {
    std::erase_if(uses_,
                  [&](auto& one) { return one.second.connections == 0 && one.second.calls.full(now); });
  }

  limits limits_;
  std::map<std::string, use> uses_;
};

}  // namespace graphite
