#include "coordinator/cluster/result_rows.hpp"

#include "coordinator/action_key.hpp"

namespace graphite {

std::vector<row_write> result_rows(const commit_batch& batch, std::uint64_t unix_ms,
                                   const std::function<bool(const digest& key)>& known) {
  std::vector<row_write> out;
  out.reserve(batch.results.size());
  for (const auto& [what, unasked] : batch.results) {
    const auto& ended = what->end.result;
    if (ended.status != attempt_status::succeeded || what->key == digest{}) continue;
    if (unasked && known(what->key)) continue;
    cache_row row;
    auto& one = row.results.emplace_back();
    one.strong = what->key;
    if (ended.discovered)
      for (const auto& path : *ended.discovered) one.set.push_back({path_set_entry::kind::path, path.str()});
    one.outputs = ended.outputs;
    one.wall_ns = static_cast<std::uint64_t>(ended.wall.count());
    one.cpu_ns = static_cast<std::uint64_t>(ended.cpu.count());
    one.used_unix_ms = unix_ms;
    one.sandbox = ended.sandbox;
    out.push_back({table::action_cache, cache_row_key(what->key), encode(row)});
  }
  return out;
}

std::optional<attempt_result> result_of_row(const attempt_spec& spec, std::string_view row) {
  auto decoded = decode_cache_row(row);
  if (!decoded || decoded->results.size() != 1) return std::nullopt;
  auto& one = decoded->results.front();
  attempt_result out;
  out.action = spec.action;
  out.attempt = spec.attempt;
  out.status = attempt_status::succeeded;
  // Who tells its inputs may have read nothing but the main one, which the row does not say.
  const bool tells =
      spec.built_in ? !spec.built_in->inputs.empty() : spec.command && !spec.command->depfile.empty();
  if (tells) out.discovered.emplace();
  for (const auto& entry : one.set) {
    auto path = logical_path::parse(entry.text);
    if (!path || !out.discovered || entry.what != path_set_entry::kind::path) return std::nullopt;
    out.discovered->push_back(std::move(*path));
  }
  out.outputs = std::move(one.outputs);
  out.wall = duration(static_cast<std::int64_t>(one.wall_ns));
  out.cpu = duration(static_cast<std::int64_t>(one.cpu_ns));
  out.sandbox = one.sandbox;
  return out;
}

}  // namespace graphite
