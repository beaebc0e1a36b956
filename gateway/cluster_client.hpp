#pragma once

#include <memory>

#include "core/messages/cluster_report.hpp"
#include "gateway/service_client.hpp"

namespace graphite {

/// Asks a coordinator about its cluster over the connection of a service_client, which outlives it; one
/// blocking call at a time, on that client's thread. Errors of every call: those of service_client, and those
/// of schemas/cluster.capnp.
class cluster_client {
 public:
  /// Errors: unsupported (the service has no cluster).
  static result<std::unique_ptr<cluster_client>> open(service_client& service);
  ~cluster_client();
  cluster_client(const cluster_client&) = delete;
  cluster_client& operator=(const cluster_client&) = delete;

  result<cluster_report> report();
  result<cluster_node> order(const node_order& what);

 private:
  class impl;
  explicit cluster_client(std::unique_ptr<impl> self);
  std::unique_ptr<impl> impl_;
};

}  // namespace graphite
