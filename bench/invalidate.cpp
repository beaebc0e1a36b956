#include "bench/workloads.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

#include "coordinator/engine.hpp"
#include "coordinator/graph.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite::bench {

namespace {

using clock_type = std::chrono::steady_clock;

double since_us(clock_type::time_point begin) {
  return std::chrono::duration<double, std::micro>(clock_type::now() - begin).count();
}

std::string file_name(std::uint32_t i) {
  return fmt::format("content/environment/district_{:05}/props/asset_{:08}_{}.src", i / 40, i, "albedo_v2");
}

struct made_graph {
  graph nodes;
  std::vector<artefact_index> sources;
};

/// `files` nodes: a third sources, a third actions, a third outputs; an action reads its source, another
/// source and the output of an action before it now and then. Mean degree 3.
void fill(made_graph& made, std::uint32_t files, std::mt19937& random) {
  const auto count = files / 3;
  std::vector<artefact_index> outputs;
  for (std::uint32_t i = 0; i < count; ++i) made.sources.push_back(*made.nodes.intern(file_name(i)));
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto output = *made.nodes.intern("built/" + file_name(i) + ".bin");
    const auto action = made.nodes.add_action(made.sources[i], 0);
    std::vector<graph_edge> inputs{graph_edge::to(made.sources[i], edge_kind::declared)};
    const auto other = made.sources[random() % count];
    if (other != made.sources[i]) inputs.push_back(graph_edge::to(other, edge_kind::scanned));
    if (i % 3 == 0 && i > 0)
      inputs.push_back(graph_edge::to(outputs[random() % outputs.size()], edge_kind::discovered));
    made.nodes.set_inputs(action, std::move(inputs));
    made.nodes.set_outputs(action, {output});
    outputs.push_back(output);
  }
}

double random_edit_us(std::uint32_t files) {
  std::mt19937 random(7);
  made_graph made;
  fill(made, files, random);
  std::vector<double> times;
  for (int i = 0; i < 1'000; ++i) {
    const artefact_index edited[] = {made.sources[random() % made.sources.size()]};
    const auto begin = clock_type::now();
    const std::vector<action_index> stale = [&] {
      const auto list = made.nodes.invalidate(edited);
      return std::vector<action_index>(list.begin(), list.end());
    }();
    times.push_back(since_us(begin));
  }
  std::nth_element(times.begin(), times.begin() + 500, times.end());
  return times[500];
}

double hub_us_per_stale() {
  std::mt19937 random(7);
  made_graph made;
  fill(made, 300'000, random);
  const auto hub = *made.nodes.intern("content/shared/common.inc");
  for (action_index a = 0; a < 100'000; ++a) {
    const auto span = made.nodes.inputs(a);
    std::vector<graph_edge> inputs(span.begin(), span.end());
    inputs.push_back(graph_edge::to(hub, edge_kind::scanned));
    made.nodes.set_inputs(a, std::move(inputs));
  }
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    const artefact_index edited[] = {hub};
    const auto begin = clock_type::now();
    const auto stale = made.nodes.invalidate(edited).size();
    times.push_back(since_us(begin) / static_cast<double>(stale));
  }
  std::nth_element(times.begin(), times.begin() + 10, times.end());
  return times[10];
}

/// An engine with `files` sources, three references each: bytes a node, seconds to load them from rows, and
/// the median time of one whole edit through apply().
struct engine_figures {
  double bytes_per_node = 0, load_ms = 0, edit_us = 0;
};

engine_figures loaded_engine(std::uint32_t files) {
  engine_options options;
  options.config = std::make_shared<const project>();
  options.hash = std::make_shared<openssl_hasher>();
  std::vector<row_write> rows;
  std::mt19937 random(7);
  const auto state_of = [&](std::uint32_t i, std::uint8_t version) {
    source_state state;
    state.content = {openssl_hasher{}.sha256(as_bytes(file_name(i))), 100};
    state.content.id.bytes[0] = version;
    for (int r = 0; r < 3; ++r) {
      const auto target = std::min<std::uint32_t>(files - 1, i / 40 * 40 + random() % 40);
      state.references.push_back({{*logical_path::parse(file_name(target))}, false});
    }
    return state;
  };
  {
    build_engine first(options);
    revision all;
    all.id = revision_id{1};
    for (std::uint32_t i = 0; i < files; ++i)
      all.changes.push_back({*logical_path::parse(file_name(i)), state_of(i, 1)});
    for (auto& command : first.apply(all, time_from_ns(1)))
      if (auto* shown = std::get_if<engine_commands::publish>(&command)) rows = std::move(shown->what.rows);
  }
  engine_figures out;
  malloc_trim(0);  // or the memory of the first engine would be used again unseen
  const auto before = static_cast<double>(resident_bytes());
  const auto begin = clock_type::now();
  build_engine engine(options);
  for (const auto& row : rows)
    if (row.value && row.where == table::sources && !engine.load_row(row.where, row.key, *row.value))
      return out;
  (void)engine.load_finished();
  out.load_ms = since_us(begin) / 1'000;
  out.bytes_per_node = (static_cast<double>(resident_bytes()) - before) / files;
  std::vector<double> times;
  for (int i = 0; i < 200; ++i) {
    revision edit;
    edit.id = revision_id{static_cast<std::uint64_t>(i) + 2};
    const auto file = static_cast<std::uint32_t>(random()) % files;
    auto state = state_of(file, 2);
    state.references.clear();
    edit.changes.push_back({*logical_path::parse(file_name(file)), std::move(state)});
    const auto start = clock_type::now();
    (void)engine.apply(edit, time_from_ns(i + 2));
    times.push_back(since_us(start));
  }
  std::nth_element(times.begin(), times.begin() + 100, times.end());
  out.edit_us = times[100];
  return out;
}

}  // namespace

report run_invalidate(const bench_options& options) {
  report out;
  const auto engine =
      loaded_engine(options.quick ? 10'000 : 1'000'000);  // first: freed memory would hide what it takes
  const auto add = [&](const std::string& name, double value, const std::string& unit, double goal) {
    out.figures.push_back({name, value, unit, better::lower, goal, {}, {}});
  };
  add("p50_us_10k", random_edit_us(10'000), "us", 1'000);
  if (!options.quick) add("p50_us_100k", random_edit_us(100'000), "us", 1'000);
  if (!options.quick) add("p50_us_1m", random_edit_us(1'000'000), "us", 1'000);
  add("us_per_stale_hub", hub_us_per_stale(), "us", 0.1);
  add("bytes_per_node", engine.bytes_per_node, "bytes", 400);
  add("load_1m_ms", engine.load_ms, "ms", 1'000);
  add("engine_edit_p50_us_1m", engine.edit_us, "us", 1'000);
  out.notes.push_back("one edit to the list of stale actions; seed 7, mean path about 60 bytes, degree 3");
  return out;
}

}  // namespace graphite::bench
