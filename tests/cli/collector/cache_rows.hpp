#pragma once

#include "coordinator/action_key.hpp"
#include "core/ports/key_value_store.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite::test {

inline digest named(const std::string& text) { return openssl_hasher{}.sha256(as_bytes(text)); }

/// Results of one action under the weak key NAME, as a row of table::action_cache.
inline row_write cache_row_of(const std::string& name, std::vector<content_ref> outputs,
                              std::uint64_t used_unix_ms) {
  cache_row row;
  for (const auto& output : outputs)
    row.add({{}, named("strong " + name), {{*logical_path::parse("out"), output}}, 1, 1, "", used_unix_ms});
  return {table::action_cache, cache_row_key(named(name)), encode(row)};
}

inline bool has_row(const key_value_store& rows, const std::string& name) {
  const auto row = rows.get(table::action_cache, cache_row_key(named(name)));
  return row && row->has_value();
}

}  // namespace graphite::test
