#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "coordinator/cluster/dispatch_types.hpp"
#include "core/digest.hpp"
#include "sim/events.hpp"
#include "sim/random.hpp"

namespace graphite::sim {

using host = std::size_t;

/// Where what comes on a link goes: to one end of it.
struct link_end {
  host at = 0;
  process* owner = nullptr;
  std::function<void(link_id, byte_vector)> message;
  std::function<void(link_id)> closed;
};

/// Links that keep order and lose nothing while they last, as TCP does; and single messages that may be lost,
/// come twice, or in another order, as what a client asks again does. Between hosts that may be slow, or cut
/// off from each other, also one way.
class network {
 public:
  network(events& all, random& any) : all_(all), any_(any) {}

  /// Both are alive and reach each other. Its number; the first end dialled.
  link_id open(link_end dialled, link_end listens);
  void send(link_id link, bool from_dialler, byte_vector message);
  /// By one end: the other is told after all that was sent.
  void close(link_id link, bool by_dialler);
  /// What is on its way is lost; both are told as far as they can be.
  void reset(link_id link);
  /// The links of a host that crashed. `told`: the others hear of it.
  void crashed(host which, bool told);
  std::vector<link_id> links_of(host which) const;

  /// A message that may be lost or doubled.
  void post(host from, host to, process& receiver, std::function<void()> what);

  void block(host from, host to, bool blocked);
  bool blocked(host from, host to) const { return blocked_.contains({from, to}); }
  void heal();
  void set_slow(host which, duration extra) { slow_[which] = extra; }
  unsigned lost_percent = 0, doubled_percent = 0;
  std::uint64_t lost = 0, doubled = 0, reordered = 0, delayed = 0;

 private:
  struct direction {
    std::deque<std::pair<time_point, std::optional<byte_vector>>> waiting;  ///< nothing: the end of it
    bool pumping = false;
  };
  struct end {
    link_end what;
    std::uint64_t life = 0;
    bool open = true;
    direction in;  ///< to here
  };
  struct pair {
    end ends[2];
  };
  duration latency(host from, host to);
  void put(link_id link, std::size_t to, std::optional<byte_vector> message);
  void pump(link_id link, std::size_t to);
  bool deliver(link_id link, std::size_t to);

  events& all_;
  random& any_;
  std::uint64_t last_ = 0;
  std::map<link_id, pair> links_;
  std::map<std::pair<host, host>, bool> blocked_;
  std::map<host, duration> slow_;
};

}  // namespace graphite::sim
