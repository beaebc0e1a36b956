#pragma once

#include <optional>
#include <string>

#include "gateway/local_service.hpp"
#include "gateway/service_session.hpp"
#include "gateway/start_token.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

/// A TCP port that a service was asked for.
struct service_port {
  owned_fd fd;
  std::string address;  ///< "ADDRESS:PORT" as it is; empty: not asked for
  service_session::wanted_proof wants = service_session::wanted_proof::none;
};

struct service_ports {
  service_port certificates, tokens;
  std::optional<start_token> token;  ///< where a port has no keys
};

/// Listens on what options.network asks for; nothing is accepted yet. The state folder is there. Errors:
/// those of local_service::start.
result<service_ports> open_ports(const local_service_options& options);

}  // namespace graphite
