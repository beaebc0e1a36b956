#pragma once

#include <memory>

#include "gateway/service_session.hpp"
#include "schemas/cluster.capnp.h"

namespace graphite::service_session {

/// What a client may ask of a coordinator's cluster; connection->grant is set, and the options have one. On
/// the service's loop thread.
schema::cluster::Cluster::Client make_cluster(std::shared_ptr<connection_state> connection);

}  // namespace graphite::service_session
