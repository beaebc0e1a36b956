#pragma once

#include <string>
#include <vector>

#include "actors/facade.hpp"
#include "core/error.hpp"
#include "schemas/service.capnp.h"

/// \file Messages of schemas/service.capnp <-> the facade's structs. Pure. Decoders take bytes of a peer:
/// strict, `corrupt` for what makes no sense, bounded by the message they read from.

namespace graphite::service_codec {

namespace wire = schema::service;

void encode(const error& value, wire::Error::Builder out);
void encode(const head& value, wire::Head::Builder out);
void encode(const build_summary& value, wire::BuildSummary::Builder out);
void encode(const service_status& value, wire::Status::Builder out);
void encode(const why_answer& value, wire::Why::Builder out);
void encode(const trace_page& value, wire::TracePage::Builder out);
void encode(const graph_answer& value, wire::Lines::Builder out);
void encode(const generation_diff& value, wire::Diff::Builder out);
void encode(const gc_report& value, wire::Collected::Builder out);

error decode_error(wire::Error::Reader in);  ///< unknown codes become `unsupported`
result<head> decode(wire::Head::Reader in);
result<build_summary> decode(wire::BuildSummary::Reader in);
result<service_status> decode(wire::Status::Reader in);
result<why_answer> decode(wire::Why::Reader in);
result<trace_page> decode(wire::TracePage::Reader in);
result<graph_answer> decode(wire::Lines::Reader in);
result<generation_diff> decode(wire::Diff::Reader in);
result<gc_report> decode(wire::Collected::Reader in);

wire::GraphKind to_wire(graph_query::kind kind);
/// Errors: invalid_argument for a kind of a newer client.
result<graph_query::kind> from_wire(wire::GraphKind kind);

/// About what the lists take on the wire, in bytes: to refuse before encoding.
std::uint64_t wire_bytes(const graph_answer& value);
std::uint64_t wire_bytes(const trace_page& value);
std::uint64_t wire_bytes(const generation_diff& value);

}  // namespace graphite::service_codec
