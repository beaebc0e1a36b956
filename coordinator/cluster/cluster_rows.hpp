#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "coordinator/cluster/learned_rules.hpp"
#include "coordinator/cluster/schedule_types.hpp"
#include "core/ports/key_value_store.hpp"
#include "core/ports/log.hpp"

/// \file Rows of what a coordinator has to know of its cluster after a restart. One value has one encoding.
/// Errors of all decoders: corrupt, newer_version.

namespace graphite {

/// cluster_memory with tenants by their names: numbers mean nothing in another process.
struct cluster_record {
  struct poisoned {
    std::string tenant;
    digest key;
    std::string reason;
    bool operator==(const poisoned&) const = default;
  };
  static constexpr std::size_t nodes_max = 4'096, poison_max = 4'096;
  static constexpr std::size_t name_bytes_max = 128;  ///< of nodes and tenants
  static constexpr std::size_t reason_bytes_max = 1'024;
  std::vector<cluster_memory::node> nodes;
  std::vector<poisoned> poison;  ///< oldest first
  bool operator==(const cluster_record&) const = default;
};

/// What is beyond the limits is left out, the oldest poison first; reasons are cut.
std::string encode_cluster(const cluster_record& what);
result<cluster_record> decode_cluster(std::string_view bytes);

/// What is known of one rule.
std::string encode_rule(const learned_rules::row& what);
result<learned_rules::row> decode_rule(std::string_view bytes);

/// Of a rule, in table::meta.
std::string rule_row_key(std::uint64_t rule);
/// All of them. One that cannot be read is left out, which is logged: it is learned anew. Errors: io.
result<std::vector<learned_rules::row>> load_rules(const key_value_store& rows, log_sink& log);

}  // namespace graphite
