#pragma once

#include <memory>

#include "gateway/service_session.hpp"
#include "schemas/jobs.capnp.h"

namespace graphite::service_session {

/// What a client may ask of a coordinator's jobs; connection->grant is set, and the options have jobs. On the
/// service's loop thread. A watch keeps no event: it asks for the next when the client has taken the last, so
/// that a slow client costs one batch.
schema::jobs::Jobs::Client make_jobs(std::shared_ptr<connection_state> connection);

}  // namespace graphite::service_session
