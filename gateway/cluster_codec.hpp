#pragma once

#include "core/error.hpp"
#include "core/messages/cluster_report.hpp"
#include "schemas/cluster.capnp.h"

/// \file Messages of schemas/cluster.capnp <-> core structs. Pure. Decoders take bytes of a peer: strict,
/// `corrupt` or `too_large` for what makes no sense, bounded by cluster_limits.

namespace graphite::cluster_codec {

namespace wire = schema::cluster;

/// What is beyond cluster_limits is left out.
void encode(const cluster_report& value, wire::Report::Builder out);
void encode(const cluster_node& value, wire::Node::Builder out);
wire::NodeService encode(node_service value);

result<cluster_report> decode(wire::Report::Reader in);
result<cluster_node> decode(wire::Node::Reader in);
result<node_service> decode(wire::NodeService in);

}  // namespace graphite::cluster_codec
