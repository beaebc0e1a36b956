#pragma once

#include <nlohmann/json.hpp>

#include "actors/facade.hpp"
#include "core/messages/cluster_report.hpp"

/// \file The facade's answers as the objects of docs/cli.md. Field names are stable.

namespace graphite {

using json_object = nlohmann::ordered_json;

json_object to_json(const head& value);  ///< {"channel","lineage","epoch","sequence","root",…}
json_object to_json(const build_summary& value, bool dry_run);
json_object to_json(const service_status& value);
json_object to_json(const cluster_node& value);    ///< {"event":"node",…}
json_object to_json(const cluster_report& value);  ///< of `status`: its member "cluster"
json_object to_json(const why_answer& value);
json_object to_json(const generation_diff& value);
json_object to_json(const gc_report& value, bool dry_run);

}  // namespace graphite
