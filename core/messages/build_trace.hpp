#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/attempt.hpp"
#include "core/units.hpp"

/// \file Where the time of a build went: what `graphite trace` is told (schemas/service.capnp, TracePage).

namespace graphite {

/// One attempt of a build. Times count from the build's begin and never go back: ready ≤ begun ≤ fetched ≤
/// ran ≤ stored ≤ ended. Between two of them lies a span: queue, fetch, run, store, publish.
struct traced_action {
  std::string rule, path;  ///< path: its main input
  std::string cause;       ///< why it ran, and why it was tried again
  std::string node;        ///< empty: the machine of the service
  std::uint32_t domain = 0;
  std::uint32_t slot = 0;  ///< among what ran there at the same time, from 0
  std::uint32_t tries = 1;
  attempt_status status = attempt_status::failed;
  bool found = false;     ///< nobody ran it: its result was there
  bool critical = false;  ///< of the chain that determined the end
  duration ready{};       ///< the last action that it waits for had ended
  duration begun{}, fetched{}, ran{};
  duration stored{};  ///< its result was with who asked for it
  duration ended{};   ///< its result counted
  duration cpu{};
  bool operator==(const traced_action&) const = default;
};

struct build_trace_head {
  std::string build;  ///< "job 12"; else "generation 7", "generations 5 to 7", "no generation"
  std::string cause;
  std::uint64_t id = 0;      ///< among those of the service: "#ID" asks for it again
  std::uint64_t number = 0;  ///< of the job, or of the last generation
  std::int64_t began_unix_ns = 0;
  duration settled{};  ///< the last action had ended
  duration wall{};     ///< and what was made was published
  std::uint64_t actions = 0;
  std::uint64_t left_out = 0;   ///< more actions than are kept
  std::uint64_t forgotten = 0;  ///< older builds that are kept no more
  bool operator==(const build_trace_head&) const = default;
};

/// Some of a trace.
struct trace_page {
  static constexpr std::size_t actions_max = 2'048;
  build_trace_head head;
  std::vector<traced_action> actions;  ///< ascending by `begun`
  std::uint64_t next = 0;              ///< where the next page begins; 0: this is the last one
  bool operator==(const trace_page&) const = default;
};

}  // namespace graphite
