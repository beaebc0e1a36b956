#pragma once

#include <vector>

#include "core/error.hpp"
#include "core/messages/jobs.hpp"
#include "schemas/jobs.capnp.h"

/// \file Messages of schemas/jobs.capnp <-> core structs. Pure. Decoders take bytes of a peer: strict,
/// `corrupt`, `invalid_argument` or `too_large` for what makes no sense, bounded by job_limits and by the
/// message that they read from.

namespace graphite::jobs_codec {

namespace wire = schema::jobs;

void encode(const content_ref& value, wire::Content::Builder out);
void encode(const job_request& value, wire::Request::Builder out);
void encode(const job_info& value, wire::Job::Builder out);
void encode(const job_accepted& value, wire::Accepted::Builder out);
void encode(const missing_answer& value, wire::Missing::Builder out);
void encode(const std::vector<job_info>& value, wire::Listing::Builder out);
void encode(const job_event& value, wire::Event::Builder out);
void encode(const job_event_batch& value, wire::EventBatch::Builder out);
void encode(const job_log_batch& value, wire::LogBatch::Builder out);
void encode(const curve_key& value, capnp::Data::Builder out);

result<content_ref> decode(wire::Content::Reader in);
/// What check_job_request() takes, and no other.
result<job_request> decode(wire::Request::Reader in);
result<job_info> decode(wire::Job::Reader in);
result<job_accepted> decode(wire::Accepted::Reader in);
/// `asked`: how many contents the question had.
result<missing_answer> decode(wire::Missing::Reader in, std::size_t asked);
result<std::vector<job_info>> decode(wire::Listing::Reader in);
result<job_event> decode(wire::Event::Reader in);
/// `last` is that of the last item, `over` is not told.
result<job_event_batch> decode(wire::EventBatch::Reader in);
result<job_log_batch> decode(wire::LogBatch::Reader in);
result<curve_key> decode_curve_key(capnp::Data::Reader in);
/// At most job_limits::contents_max.
result<std::vector<content_ref>> decode_contents(capnp::List<wire::Content>::Reader in);

/// About what a batch takes on the wire.
std::uint64_t wire_bytes(const job_event& value);
std::uint64_t wire_bytes(const job_log_piece& value);

}  // namespace graphite::jobs_codec
