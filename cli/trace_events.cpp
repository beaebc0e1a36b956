#include "cli/trace_events.hpp"

#include <fmt/format.h>

#include "cli/console.hpp"

namespace graphite {

namespace {

constexpr int build_process = 1;
constexpr std::uint32_t critical_thread = 1, build_thread = 2, found_thread = 3, slots_of_domain = 100'000;

double us(duration in) { return static_cast<double>(in.count()) / 1e3; }
double seconds_of(duration in) { return std::chrono::duration<double>(in).count(); }

const char* status_text(attempt_status status) {
  switch (status) {
    case attempt_status::succeeded:
      return "succeeded";
    case attempt_status::failed:
      return "failed";
    case attempt_status::stale_input:
      return "stale input";
    case attempt_status::cancelled:
      return "cancelled";
    case attempt_status::refused:
      return "refused";
    case attempt_status::lost_input:
      return "lost input";
  }
  return "";
}

json_object complete(std::string name, const char* category, duration from, duration to, int process,
                     std::uint32_t thread) {
  return {{"name", std::move(name)}, {"cat", category}, {"ph", "X"},    {"ts", us(from)},
          {"dur", us(to - from)},    {"pid", process},  {"tid", thread}};
}

json_object metadata(const char* what, const std::string& name, int process, std::uint32_t thread) {
  return {{"name", what}, {"ph", "M"}, {"pid", process}, {"tid", thread}, {"args", {{"name", name}}}};
}

json_object args_of(const traced_action& one) {
  json_object out{{"rule", one.rule},
                  {"path", one.path},
                  {"cause", one.cause},
                  {"node", one.node},
                  {"domain", one.domain},
                  {"slot", one.slot},
                  {"status", status_text(one.status)},
                  {"tries", one.tries},
                  {"critical", one.critical},
                  {"queue_us", us(one.begun - one.ready)},
                  {"fetch_us", us(one.fetched - one.begun)},
                  {"run_us", us(one.ran - one.fetched)},
                  {"store_us", us(one.stored - one.ran)},
                  {"publish_us", us(one.ended - one.stored)},
                  {"cpu_us", us(one.cpu)}};
  if (one.found) out["found"] = true;
  return out;
}

std::string share(duration part, duration whole) {
  return whole <= duration::zero() ? "0 %"
                                   : fmt::format("{:.0f} %", 100.0 * seconds_of(part) / seconds_of(whole));
}

std::string shares(const trace_sums& sums) {
  const auto all = sums.all();
  return fmt::format("queue {}, fetch {}, run {}, store {}, publish {}", share(sums.queue, all),
                     share(sums.fetch, all), share(sums.run, all), share(sums.store, all),
                     share(sums.publish, all));
}

json_object sums_object(const trace_sums& sums) {
  return {{"actions", sums.actions},
          {"queue_seconds", seconds_of(sums.queue)},
          {"fetch_seconds", seconds_of(sums.fetch)},
          {"run_seconds", seconds_of(sums.run)},
          {"store_seconds", seconds_of(sums.store)},
          {"publish_seconds", seconds_of(sums.publish)}};
}

}  // namespace

void trace_sums::add(const traced_action& one) {
  ++actions;
  queue += one.begun - one.ready;
  fetch += one.fetched - one.begun;
  run += one.ran - one.fetched;
  store += one.stored - one.ran;
  publish += one.ended - one.stored;
}

result<void> trace_events::write(const json_object& event) {
  const auto text = (first_ ? "\n" : ",\n") + json_text(event);
  first_ = false;
  return to_(text);
}

result<void> trace_events::begin(const build_trace_head& head) {
  head_ = head;
  json_object about{
      {"build", head.build},      {"cause", head.cause},     {"began_unix_ns", head.began_unix_ns},
      {"wall_us", us(head.wall)}, {"actions", head.actions}, {"left_out", head.left_out}};
  GRAPHITE_CHECK(to_("{\"displayTimeUnit\":\"ms\",\"otherData\":" + json_text(about) + ",\"traceEvents\":["));
  GRAPHITE_CHECK(write(metadata("process_name", head.build, build_process, 0)));
  GRAPHITE_CHECK(write(metadata("thread_name", "critical path", build_process, critical_thread)));
  GRAPHITE_CHECK(write(metadata("thread_name", "build", build_process, build_thread)));
  auto whole = complete(head.build, "build", duration::zero(), head.wall, build_process, build_thread);
  whole["args"] = std::move(about);
  return write(whole);
}

result<int> trace_events::process_of(const std::string& node) {
  const auto [found, anew] =
      processes_.emplace(node, build_process + 1 + static_cast<int>(processes_.size()));
  if (anew)
    GRAPHITE_CHECK(
        write(metadata("process_name", node.empty() ? "this machine" : "node " + node, found->second, 0)));
  return found->second;
}

result<void> trace_events::name_slot(int process, std::uint32_t thread, const traced_action& one) {
  if (!threads_.try_emplace({process, thread}, true).second) return {};
  return write(
      metadata("thread_name",
               one.found ? "results that were there" : fmt::format("domain {} slot {}", one.domain, one.slot),
               process, thread));
}

/// On the slot that it had.
result<void> trace_events::write_spans(const traced_action& one) {
  int process = build_process;
  if (!one.found) {
    GRAPHITE_TRY(process, process_of(one.node));
  }
  const auto thread = one.found ? found_thread : one.domain * slots_of_domain + one.slot + 1;
  GRAPHITE_CHECK(name_slot(process, thread, one));
  if (one.fetched > one.begun)
    GRAPHITE_CHECK(write(complete("fetch " + one.path, "fetch", one.begun, one.fetched, process, thread)));
  auto run = complete(one.rule + " " + one.path, one.critical ? "run,critical" : "run", one.fetched, one.ran,
                      process, thread);
  if (one.critical) run["cname"] = "terrible";
  run["args"] = args_of(one);
  GRAPHITE_CHECK(write(run));
  if (one.stored > one.ran)
    GRAPHITE_CHECK(write(complete("store " + one.path, "store", one.ran, one.stored, process, thread)));
  return {};
}

/// Any number of actions wait at the same time: these spans lie on no thread.
result<void> trace_events::write_waiting(const char* name, duration from, duration to,
                                         const traced_action& one) {
  if (to <= from) return {};
  json_object event{{"name", name},        {"cat", name},
                    {"ph", "b"},           {"id", number_},
                    {"ts", us(from)},      {"pid", build_process},
                    {"tid", build_thread}, {"args", {{"path", one.path}, {"rule", one.rule}}}};
  GRAPHITE_CHECK(write(event));
  event.erase("args");
  event["ph"] = "e";
  event["ts"] = us(to);
  return write(event);
}

result<void> trace_events::write_critical(const char* name, duration from, duration to, json_object args) {
  if (to <= from) return {};
  auto event = complete(name, "critical", from, to, build_process, critical_thread);
  if (args.contains("path")) event["name"] = std::string(name) + " " + args["path"].get<std::string>();
  event["args"] = std::move(args);
  return write(event);
}

result<void> trace_events::write_critical(const traced_action& one) {
  const json_object args{{"rule", one.rule}, {"path", one.path}, {"node", one.node}, {"cause", one.cause}};
  GRAPHITE_CHECK(write_critical("queue", one.ready, one.begun, args));
  GRAPHITE_CHECK(write_critical("fetch", one.begun, one.fetched, args));
  GRAPHITE_CHECK(write_critical("run", one.fetched, one.ran, args));
  GRAPHITE_CHECK(write_critical("store", one.ran, one.stored, args));
  return write_critical("publish", one.stored, one.ended, args);
}

result<void> trace_events::add(const traced_action& one) {
  ++number_;
  all_.add(one);
  GRAPHITE_CHECK(write_waiting("queue", one.ready, one.begun, one));
  GRAPHITE_CHECK(write_spans(one));
  GRAPHITE_CHECK(write_waiting("publish", one.stored, one.ended, one));
  if (!one.critical) return {};
  critical_.add(one);
  return write_critical(one);
}

/// What was made is published after the last action.
result<void> trace_events::end() {
  critical_.publish += head_.wall - head_.settled;
  GRAPHITE_CHECK(write_critical("publish", head_.settled, head_.wall, {{"build", head_.build}}));
  return to_("\n]}\n");
}

std::string trace_summary(const build_trace_head& head, const trace_sums& critical, const trace_sums& all) {
  auto out = fmt::format("{} ({}): {:.3f} s, {} actions\n", head.build, head.cause, seconds_of(head.wall),
                         head.actions);
  out += fmt::format("critical path: {} actions, {:.3f} s: {}\n", critical.actions,
                     seconds_of(critical.all()), shares(critical));
  out += fmt::format("all actions together: {:.3f} s: {}", seconds_of(all.all()), shares(all));
  if (head.left_out > 0) out += fmt::format("\n{} more actions are not in the trace", head.left_out);
  return out;
}

json_object trace_object(const build_trace_head& head, const trace_sums& critical, const trace_sums& all) {
  return {{"event", "trace"},          {"build", head.build},
          {"cause", head.cause},       {"seconds", seconds_of(head.wall)},
          {"left_out", head.left_out}, {"critical", sums_object(critical)},
          {"all", sums_object(all)}};
}

}  // namespace graphite
