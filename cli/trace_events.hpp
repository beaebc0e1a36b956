#pragma once

#include <functional>
#include <map>
#include <string>

#include "cli/json.hpp"
#include "core/messages/build_trace.hpp"

namespace graphite {

/// Where the time of a build went, in nanoseconds. Of the chain that determined its end the spans add up to
/// the whole; over all actions they overlap.
struct trace_sums {
  duration queue{}, fetch{}, run{}, store{}, publish{};
  std::uint64_t actions = 0;
  void add(const traced_action& one);
  duration all() const { return queue + fetch + run + store + publish; }
};

/// Writes a trace in the trace event format of Chrome, which Perfetto reads, too: a process a node, a thread
/// a slot, and first of all, under the name of the build, the critical path by itself.
///
/// Keeps nothing of what it has written but sums and the names of threads. One thread.
class trace_events {
 public:
  using sink = std::function<result<void>(std::string_view)>;
  explicit trace_events(sink to) : to_(std::move(to)) {}

  /// Once, before the actions.
  result<void> begin(const build_trace_head& head);
  /// In the order of their begin.
  result<void> add(const traced_action& one);
  result<void> end();

  const trace_sums& critical() const { return critical_; }
  const trace_sums& all() const { return all_; }

 private:
  result<void> write(const json_object& event);
  result<int> process_of(const std::string& node);
  result<void> name_slot(int process, std::uint32_t thread, const traced_action& one);
  result<void> write_spans(const traced_action& one);
  result<void> write_waiting(const char* name, duration from, duration to, const traced_action& one);
  result<void> write_critical(const traced_action& one);
  result<void> write_critical(const char* name, duration from, duration to, json_object args);

  sink to_;
  build_trace_head head_;
  trace_sums critical_, all_;
  std::map<std::string, int> processes_;  ///< by node
  std::map<std::pair<int, std::uint32_t>, bool> threads_;
  std::uint64_t number_ = 0;
  bool first_ = true;
};

/// Lines for people.
std::string trace_summary(const build_trace_head& head, const trace_sums& critical, const trace_sums& all);
/// {"event":"trace",…}
json_object trace_object(const build_trace_head& head, const trace_sums& critical, const trace_sums& all);

}  // namespace graphite
