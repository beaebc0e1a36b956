#pragma once

#include <memory>

#include "core/ports/metrics.hpp"

namespace graphite {

/// The registry of prometheus-cpp behind the port. A name already used for another kind of metric, or one
/// that Prometheus would not take, gives a series that is not exposed and is counted as refused.
std::unique_ptr<metrics_registry> make_prometheus_registry();

}  // namespace graphite
