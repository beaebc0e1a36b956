#include "gateway/cluster_client.hpp"

#include "gateway/cluster_codec.hpp"
#include "gateway/service_client_impl.hpp"

namespace graphite {

class cluster_client::impl {
 public:
  impl(service_client::impl& of, schema::cluster::Cluster::Client granted)
      : service(of), cluster(kj::mv(granted)) {}

  template <class Request>
  auto call(Request request) {
    return service.call(kj::mv(request), service.options.call_timeout,
                        [](auto ok) { return cluster_codec::decode(ok); });
  }

  service_client::impl& service;
  schema::cluster::Cluster::Client cluster;
};

cluster_client::cluster_client(std::unique_ptr<impl> self) : impl_(std::move(self)) {}
cluster_client::~cluster_client() = default;

result<std::unique_ptr<cluster_client>> cluster_client::open(service_client& service) {
  auto& of = *service.impl_;
  return of.call(of.session.clusterRequest(), of.options.call_timeout,
                 [&](schema::service::ClusterGrant::Reader grant) -> result<std::unique_ptr<cluster_client>> {
                   auto granted = grant.getCluster().castAs<schema::cluster::Cluster>();
                   return std::unique_ptr<cluster_client>(
                       new cluster_client(std::make_unique<impl>(of, kj::mv(granted))));
                 });
}

result<cluster_report> cluster_client::report() { return impl_->call(impl_->cluster.reportRequest()); }

result<cluster_node> cluster_client::order(const node_order& what) {
  auto call = impl_->cluster.orderRequest();
  call.setNode(what.node.c_str());
  call.setService(cluster_codec::encode(what.how));
  call.setWithinMs(what.within_ms);
  return impl_->call(kj::mv(call));
}

}  // namespace graphite
