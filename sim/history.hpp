#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/attempt_key.hpp"
#include "core/digest.hpp"
#include "core/units.hpp"

namespace graphite::sim {

/// What was seen from outside, in the order of its time. A line of it says what happened, not what somebody
/// decided.
struct event {
  enum class kind : std::uint8_t {
    job_acknowledged,   ///< `number`: the job
    job_cancelled,      ///< durably
    job_ended,          ///< durably; `value`: what it made
    committed,          ///< durably: `key`, `value`, `attempt`
    told,               ///< a waiter of `key` was told `value`
    welcomed,           ///< `node`, in the reign `number`
    link_ended,         ///< of `node`, as the node sees it
    began,              ///< `node`, `attempt`, `key`; `number`: its CPU
    ended,              ///< the same; however it ended
    forgot,             ///< `node` was told that it may forget the good result `value` of `key`
    node_died,          ///< `node`
    node_came,          ///< `node` has joined, as the coordinator says …
    node_lost,          ///< … and is gone
    cut_off,            ///< from now on the coordinator hears nothing of `node`, unless …
    reachable,          ///< … and from here on it may
    coordinator_began,  ///< in the reign `number`
    coordinator_died,
    trouble,  ///< `text`: somebody met what can never be
  };
  time_point at{};
  kind what = kind::trouble;
  std::size_t node = 0;
  std::uint64_t number = 0;
  digest key = {}, value = {};
  attempt_key attempt = {};
  std::string text = {};
};

/// What a history has to be like: what each job has to make, and each action.
struct expectations {
  std::map<std::uint64_t, digest> jobs;
  std::map<std::uint64_t, std::set<digest>> keys_of_jobs;
  std::map<digest, digest> results;
  std::vector<std::uint64_t> cpu_milli;  ///< of each node
  duration lease{};                      ///< without a word for so long, and a while, a node has to be lost
  duration grace{};                      ///< after a restart
  bool hedged = false;                   ///< one action may run twice
};

/// Reads a history and says each promise that it breaks, in the order of time. Shares no code with what
/// decides in a cluster.
std::vector<std::string> check(const std::vector<event>& history, const expectations& of);

/// The same for the same history.
std::uint64_t fingerprint(const std::vector<event>& history);

}  // namespace graphite::sim
