#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/credentials.hpp"

namespace graphite {

/// One method of an interface and the verb that it needs.
struct method_verb {
  std::string_view method;
  verb needs;
  bool notes = true;  ///< of what may change something: that it was asked for. False: it tells how it ended
};

/// Of schemas/service.capnp's Session, by the methods' ordinals. A method that is not here is refused to
/// everybody.
inline constexpr std::array session_methods{
    method_verb{"build", verb::build},
    method_verb{"status", verb::query},
    method_verb{"why", verb::query},
    method_verb{"graph", verb::query},
    method_verb{"hold", verb::publish},
    method_verb{"releaseAll", verb::publish},
    method_verb{"rollback", verb::publish, false},
    method_verb{"diff", verb::query},
    method_verb{"stop", verb::operate},
    method_verb{"gc", verb::operate},
    method_verb{"jobs", verb::query},
    method_verb{"cluster", verb::query},
    method_verb{"trace", verb::query},
};

/// The same of schemas/jobs.capnp's Jobs. What was submitted or cancelled is noted once it was.
inline constexpr std::array job_methods{
    method_verb{"submit", verb::build, false},
    method_verb{"missing", verb::build, false},
    method_verb{"uploaded", verb::build, false},
    method_verb{"cancel", verb::build, false},
    method_verb{"list", verb::query},
    method_verb{"status", verb::query},
    method_verb{"why", verb::query},
    method_verb{"watch", verb::query},
    method_verb{"logs", verb::query},
    method_verb{"trace", verb::query},
};

/// The same of schemas/cluster.capnp's Cluster.
inline constexpr std::array cluster_methods{
    method_verb{"report", verb::query},
    method_verb{"order", verb::operate, false},
};

}  // namespace graphite
