#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "bench/workloads.hpp"
#include "coordinator/engine.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite::bench {

namespace {

constexpr std::uint32_t actions_of_all = 31'000;

std::string source_name(std::uint32_t i) { return fmt::format("src/part_{:03}/unit_{:05}.src", i / 100, i); }
std::string output_name(std::uint32_t i) { return fmt::format("src/part_{:03}/unit_{:05}.out", i / 100, i); }

source_state state_of(std::uint32_t i, const std::vector<std::uint32_t>& needs, std::uint8_t version) {
  source_state state;
  state.content = {openssl_hasher{}.sha256(as_bytes(source_name(i))), 10'000};
  state.content.id.bytes[0] = version;
  for (const auto other : needs) {
    scanned_reference one;
    one.candidates = {*logical_path::parse(output_name(other))};
    state.references.push_back(std::move(one));
  }
  return state;
}

/// An engine of `count` actions, each with its source and two outputs of the 2,000 before it as inputs: three
/// edges an action.
struct planned_view {
  std::shared_ptr<project> config = std::make_shared<project>();
  std::vector<std::vector<std::uint32_t>> needs;
  std::unique_ptr<build_engine> engine;
  std::uint64_t revisions = 0;

  explicit planned_view(std::uint32_t count) : needs(count) {
    rule_spec rule;
    rule.name = "make";
    rule.match = {*glob::parse("**/*.src")};
    rule.transform = "command";
    rule.command.argv = {"tool", "{in}"};
    rule.outputs = {"{dir}/{stem}.out"};
    config->rules = {rule};
    std::mt19937 random(7);
    for (std::uint32_t i = 2; i < count; ++i)
      for (int r = 0; r < 2; ++r) needs[i].push_back(i - 1 - random() % std::min(i - 1, 2'000u));
    engine_options options;
    options.config = config;
    options.hash = std::make_shared<openssl_hasher>();
    options.jobs = 1;
    options.mode = engine_options::publishing::all_or_nothing;
    engine = std::make_unique<build_engine>(std::move(options));
  }

  std::uint32_t longest() const {
    std::vector<std::uint32_t> depth(needs.size(), 1);
    for (std::size_t i = 0; i < needs.size(); ++i)
      for (const auto other : needs[i]) depth[i] = std::max(depth[i], depth[other] + 1);
    return *std::max_element(depth.begin(), depth.end());
  }

  revision all() {
    revision out;
    out.id = revision_id{++revisions};
    for (std::uint32_t i = 0; i < needs.size(); ++i)
      out.changes.push_back({*logical_path::parse(source_name(i)), state_of(i, needs[i], 1)});
    return out;
  }
};

/// Answers all lookups by "not there"; what is started then.
std::vector<attempt_spec> miss_all(build_engine& engine, engine_command_list commands, time_point now) {
  std::vector<attempt_spec> started;
  std::vector<engine_commands::cache_lookup> asked;
  const auto sort_out = [&](engine_command_list& list) {
    for (auto& command : list) {
      if (auto* one = std::get_if<engine_commands::cache_lookup>(&command)) asked.push_back(*one);
      if (auto* one = std::get_if<engine_commands::start_attempt>(&command))
        started.push_back(std::move(one->spec));
    }
  };
  sort_out(commands);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    auto more = engine.cache_answer(asked[i].action, asked[i].weak_key, std::nullopt, now);
    sort_out(more);
  }
  return started;
}

attempt_result result_of(const attempt_spec& spec, std::uint64_t number) {
  attempt_result out;
  out.action = spec.action;
  out.attempt = spec.attempt;
  out.status = attempt_status::succeeded;
  const auto name = *expand_output(spec.outputs.front().text, spec.main_input);
  content_ref content{openssl_hasher{}.sha256(as_bytes(std::to_string(number))), 1'000};
  out.outputs.push_back({*logical_path::parse(name.text), content});
  out.wall = milliseconds(10 + number % 90);
  return out;
}

}  // namespace

report run_plan(const bench_options& options) {
  report out;
  const std::uint32_t count = options.quick ? 1'000 : actions_of_all;
  time_point now = time_from_ns(1'000'000'000);
  planned_view view(count);
  const auto scan = view.all();
  const auto first = cpu_seconds();
  auto started = miss_all(*view.engine, view.engine->apply(scan, now), now);
  const auto scan_ms = 1e3 * (cpu_seconds() - first);
  std::vector<double> update;
  for (std::uint64_t i = 0; !started.empty() && i < count; ++i) {
    now += milliseconds(1);
    const auto spec = std::move(started.back());
    started.pop_back();
    const auto result = result_of(spec, i);
    const auto start = cpu_seconds();
    auto next = view.engine->finished(result, now);
    for (auto& one : miss_all(*view.engine, std::move(next), now)) started.push_back(std::move(one));
    update.push_back(1e6 * (cpu_seconds() - start));
  }
  if (view.engine->status().stale != 0) {
    out.notes.push_back("NOT MEASURED: the view did not settle");
    return out;
  }
  // All of it is stale again: the first two sources, which everything comes from, have other bytes; then the
  // old ones.
  std::vector<double> full;
  for (int round = 0; round < (options.quick ? 5 : 21); ++round) {
    for (const std::uint8_t version : {2, 1}) {
      revision edit;
      edit.id = revision_id{++view.revisions};
      for (std::uint32_t i = 0; i < 2; ++i)
        edit.changes.push_back({*logical_path::parse(source_name(i)), state_of(i, view.needs[i], version)});
      const auto start = cpu_seconds();
      started = miss_all(*view.engine, view.engine->apply(edit, now), now);
      if (version == 2) full.push_back(1e3 * (cpu_seconds() - start));
    }
    for (const auto& spec : started) (void)view.engine->finished(result_of(spec, 0), now);
    const auto stale = view.engine->status().stale;
    if (stale != 0) out.notes.push_back(fmt::format("NOT AS MEANT: {} actions are stale", stale));
  }
  out.figures.push_back({"full_ms", median(full), "ms", better::lower, 40, {}, {}});
  out.figures.push_back({"update_us", median(update), "us", better::lower, 100, {}, {}});
  out.figures.push_back({"update_p99_us", percentile(update, 0.99), "us", better::lower, {}, {}, {}});
  out.figures.push_back({"first_scan_ms", scan_ms, "ms", better::lower, {}, {}, {}});
  out.notes.push_back(fmt::format(
      "{} actions, {} edges, longest chain {}; full: two edits that make all of a known view stale, until "
      "the first "
      "attempt and all chains are known; update: a result, until what it makes ready is given out; CPU time",
      count, 3 * count - 4, view.longest()));
  return out;
}

}  // namespace graphite::bench
