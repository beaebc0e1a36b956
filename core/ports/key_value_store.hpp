#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace graphite {

/// Tables of the metadata store. Names are the column families' names; never reuse one.
enum class table { meta, journal, sources, graph, action_cache, chunk_index, generations, history };
inline constexpr int table_count = 8;
std::string_view to_string(table name);

/// One row to write, or to erase where `value` is absent.
struct row_write {
  table where = table::meta;
  std::string key;
  std::optional<std::string> value;
};

/// Ordered byte rows with atomic batches. Thread-safe.
class key_value_store {
 public:
  enum class durability {
    lazy,   ///< survives the process, not the machine
    synced  ///< on disk when write() returns
  };

  virtual ~key_value_store() = default;

  /// Errors: io, corrupt.
  virtual result<std::optional<std::string>> get(table where, std::string_view key) const = 0;
  /// All of `rows` or none. Errors: out_of_space, io. Blocks.
  virtual result<void> write(const std::vector<row_write>& rows, durability how) = 0;
  /// Visits rows whose key starts with `prefix` in key order, until `visit` returns false.
  virtual result<void> scan(
      table where, std::string_view prefix,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
};

}  // namespace graphite
