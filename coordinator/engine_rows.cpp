#include <algorithm>

#include "coordinator/engine_state.hpp"
#include "core/record_codec.hpp"

// What is kept over a restart. A row tells of a source or a result only once all that was made of it is
// shown: so after a restart whatever was held back is found changed again by itself.

namespace graphite {

using impl = engine_impl;

/// What the references mean in the plain case: each its first candidate.
std::vector<artefact_index> impl::first_candidates(artefact_index a) const {
  std::vector<artefact_index> out;
  for (const auto candidate : references.candidates(a))
    if (candidate.first()) out.push_back(candidate.index());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

source_record impl::source_row(artefact_index a) const {
  source_record record{logical(a), (flags[a] & source) != 0, (flags[a] & listed) != 0, rules[a], {}};
  if (const auto found = dirty.find(a); found != dirty.end()) {
    // Not what is shown: after a restart it must be read again, and counts as shown until then.
    const bool was_source = nodes.producer(a) == no_index && !orphans.has(a);
    record.present = (record.listed && was_source) || record.present;
    if (record.listed && record.present) {
      record.shown.emplace();
      for (const auto target : found->second.references) record.shown->push_back(logical(target));
    }
    return record;
  }
  record.state.content = nodes.content(a);
  record.state.signature = signatures[a];
  for_references(a, [&](auto one) {
    scanned_reference reference;
    reference.required = one.front().required();
    reference.at_run = one.front().at_run();
    for (const auto candidate : one) reference.candidates.push_back(logical(candidate.index()));
    record.state.references.push_back(std::move(reference));
  });
  if (const auto shown = shown_references(a); record.listed && shown != first_candidates(a)) {
    record.shown.emplace();
    for (const auto target : shown) record.shown->push_back(logical(target));
  }
  return record;
}

/// Nothing while what it made is not shown yet.
std::optional<result_record> impl::result_row(artefact_index main) {
  result_record record{logical(main), false, no_rule, {}, {}, 0, 0, false, {}, {}};
  const auto a = main_action[main];
  if (!orphans.of(main).empty()) return std::nullopt;
  if (a == no_index) return record;
  const auto& st = actions[a];
  bool held = st.phase != action_phase::clean;
  for (const auto output : nodes.outputs(a)) held = held || dirty.count(output) != 0;
  if (held) return std::nullopt;
  record.present = true;
  record.rule = nodes.rule_of(a);
  record.recipe = recipes[record.rule].key;
  record.built = st.built;
  record.signature = signature_of(a);
  record.cost_ns = st.cost_ns;
  record.narrowed = st.narrowed;
  for (const auto output : nodes.outputs(a)) {
    auto& one = record.outputs.emplace_back(
        result_record::output{logical(output), nodes.content(output), (flags[output] & listed) != 0});
    if (const auto found = parts_of(output)) one.parts = *found;
    if (one.listed)
      for (const auto target : shown_references(output)) one.shown.push_back(logical(target));
  }
  for (const auto edge : nodes.inputs(a))
    if (!edge.group() && edge.kind() == edge_kind::discovered)
      record.discovered.push_back(logical(edge.index()));
  return record;
}

static void put_row(std::vector<row_write>& rows, table where, std::string key,
                    std::optional<std::string> value) {
  rows.push_back({where, std::move(key), std::move(value)});
}

/// Notes a delta row and the folder it will be folded into.
void impl::write_deltas() {
  std::vector<source_record> sources;
  for (const auto a : std::exchange(save_sources, {}))
    if (dirty.count(a) == 0) sources.push_back(source_row(a));
  std::vector<result_record> results;
  for (const auto main : std::exchange(save_results, {}))
    if (auto row = result_row(main)) save_interim.erase(main), results.push_back(std::move(*row));
  for (const auto main : std::exchange(save_interim, {}))
    if (main_action[main] != no_index) results.push_back(held_row(main));
  for (const auto& one : sources) keeper.touched[0].insert(std::string(one.path.folder()));
  for (const auto& one : results) keeper.touched[1].insert(std::string(one.main.folder()));
  if (sources.size() + results.size() > records_per_row_max) return fold();
  const row_header header{keeper.rules, keeper.sequence + 1};
  if (!sources.empty() || !results.empty()) ++keeper.sequence;
  const auto key = encode(row_name{true, keeper.sequence, {}, 0, 0});
  if (!sources.empty()) {
    keeper.deltas[0].insert(keeper.sequence);
    put_row(rows, table::sources, key, encode_sources(header, sources));
  }
  if (!results.empty()) {
    keeper.deltas[1].insert(keeper.sequence);
    put_row(rows, table::graph, key, encode_results(header, results));
  }
}

/// The files of a folder that `take` wants, by bucket.
template <class Record, class Take>
static std::map<std::uint16_t, std::vector<Record>> bucketed(const path_table& paths, std::uint32_t folder,
                                                             std::uint8_t bits, Take take) {
  std::map<std::uint16_t, std::vector<Record>> out;
  for (std::uint16_t bucket = 0; bucket >> bits == 0; ++bucket) {
    out[bucket];
    if (bucket == 0xffff) break;
  }
  for (auto a = paths.first_in(folder); a != path_table::none; a = paths.next_in(a))
    if (auto record = take(a)) out[bucket_of(paths.name(a), bits)].push_back(std::move(*record));
  return out;
}

std::uint8_t impl::fold_bits(int which, const std::string& folder, std::uint32_t files) {
  auto& bits = keeper.bits[which];
  const auto known = bits.find(folder);
  std::uint8_t now_bits = known == bits.end() ? 0 : known->second;
  while ((static_cast<std::uint64_t>(records_per_row_max) << now_bits) < files && now_bits < 16) ++now_bits;
  if (known != bits.end() && known->second != now_bits)
    for (std::uint32_t bucket = 0; bucket >> known->second == 0; ++bucket)
      put_row(rows, which == 0 ? table::sources : table::graph,
              encode(row_name{false, 0, folder, known->second, static_cast<std::uint16_t>(bucket)}),
              std::nullopt);
  bits[folder] = now_bits;
  return now_bits;
}

/// Rewrites the packed rows of every folder that deltas touched, and erases these.
void impl::fold() {
  const auto& paths = nodes.paths();
  const row_header header{keeper.rules, keeper.sequence};
  for (const auto& folder : std::exchange(keeper.touched[0], {})) {
    const auto index = paths.find_folder(folder);
    const auto bits = fold_bits(0, folder, paths.count_in(index));
    const auto take = [&](artefact_index a) -> std::optional<source_record> {
      auto record = source_row(a);
      if (!record.present) return std::nullopt;
      return record;
    };
    for (const auto& [bucket, records] : bucketed<source_record>(paths, index, bits, take)) {
      auto value = records.empty() ? std::nullopt : std::optional(encode_sources(header, records));
      put_row(rows, table::sources, encode(row_name{false, 0, folder, bits, bucket}), std::move(value));
    }
  }
  for (const auto& folder : std::exchange(keeper.touched[1], {})) {
    const auto index = paths.find_folder(folder);
    const auto bits = fold_bits(1, folder, paths.count_in(index));
    const auto take = [&](artefact_index a) { return folded_result(a); };
    for (const auto& [bucket, records] : bucketed<result_record>(paths, index, bits, take)) {
      auto value = records.empty() ? std::nullopt : std::optional(encode_results(header, records));
      put_row(rows, table::graph, encode(row_name{false, 0, folder, bits, bucket}), std::move(value));
    }
  }
  for (const int which : {0, 1})
    for (const auto sequence : std::exchange(keeper.deltas[which], {}))
      put_row(rows, which == 0 ? table::sources : table::graph, encode(row_name{true, sequence, {}, 0, 0}),
              std::nullopt);
}

/// Of what is held back only the names that the channel shows: what it shows of them counts as unknown.
result_record impl::held_row(artefact_index main) const {
  const auto a = main_action[main];
  result_record held{logical(main), true, no_rule, {}, {}, 0, 0, false, {}, {}};
  auto names = orphans.of(main);
  if (a != no_index) {
    held.rule = nodes.rule_of(a);
    held.cost_ns = actions[a].cost_ns;
    names.insert(nodes.outputs(a).begin(), nodes.outputs(a).end());
  }
  for (const auto output : names) {
    if ((flags[output] & listed) == 0) continue;
    auto& one = held.outputs.emplace_back(result_record::output{logical(output), {}, true});
    const auto found = dirty.find(output);
    for (const auto target : found == dirty.end() ? shown_references(output) : found->second.references)
      one.shown.push_back(logical(target));
  }
  return held;
}

/// Like result_row, or held_row where something of it is shown.
std::optional<result_record> impl::folded_result(artefact_index main) {
  auto record = result_row(main);
  if (record) return record->present ? std::move(record) : std::nullopt;
  auto held = held_row(main);
  if (held.outputs.empty()) return std::nullopt;
  return held;
}

/// Puts all rows that are due into `into`, or into a command of their own.
void impl::write_rows(publication* into) {
  write_deltas();
  counted.rows_written += rows.size();
  if (into != nullptr) {
    into->rows = std::exchange(rows, {});
  } else if (!rows.empty()) {
    out.push_back(engine_commands::persist{std::exchange(rows, {})});
  }
}

}  // namespace graphite
