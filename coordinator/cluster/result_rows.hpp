#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "coordinator/cluster/dispatch_types.hpp"
#include "core/ports/key_value_store.hpp"

namespace graphite {

/// What makes a batch of results durable: a row of table::action_cache under each task's key, its only result
/// without a path set, since the key covers all inputs. What the attempt said it had read is kept as the
/// set's paths are in other rows.
///
/// Failures and tasks without a key have no row. `known` is asked of results that nobody had asked for: they
/// do not replace one. Pure but for it.
std::vector<row_write> result_rows(const commit_batch& batch, std::uint64_t unix_ms,
                                   const std::function<bool(const digest& key)>& known);

/// The other way: what the row under the key of a task says of an attempt like `spec`, as if it had just
/// ended. Nothing where the row is damaged or none of these. Whether the outputs are stored still is the
/// caller's to find out. Pure.
std::optional<attempt_result> result_of_row(const attempt_spec& spec, std::string_view row);

}  // namespace graphite
