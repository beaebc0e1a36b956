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

}  // namespace graphite
