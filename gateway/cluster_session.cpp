#include "gateway/cluster_session.hpp"

#include <utility>

#include "gateway/cluster_codec.hpp"
#include "gateway/service_calls.hpp"

namespace graphite::service_session {

namespace {

namespace cluster_wire = schema::cluster;

class cluster_server final : public cluster_wire::Cluster::Server {
 public:
  explicit cluster_server(connection_ptr connection) : connection_(std::move(connection)) {}

  /// All calls come through here: what is not permitted reaches no method.
  DispatchCallResult dispatchCall(std::uint64_t interface_id, std::uint16_t method,
                                  capnp::CallContext<capnp::AnyPointer, capnp::AnyPointer> context) override {
    if (interface_id == capnp::typeId<cluster_wire::Cluster>())
      if (const auto refused = not_permitted(*connection_, cluster_methods, method))
        return refuse(context, *refused);
    return cluster_wire::Cluster::Server::dispatchCall(interface_id, method, context);
  }

  kj::Promise<void> report(ReportContext context) override {
    context.allowCancellation();
    return ask<cluster_report>(connection_, limit(), [&](auto done) { desk().report(std::move(done)); })
        .then([context](result<cluster_report> value) mutable { put(context, value); });
  }

  kj::Promise<void> order(OrderContext context) override {
    context.allowCancellation();
    const auto params = context.getParams();
    const auto how = cluster_codec::decode(params.getService());
    if (!how) {
      service_codec::encode(how.error(), context.getResults().initOutcome().initFailed());
      return kj::READY_NOW;
    }
    node_order what{text(params.getNode()), *how, params.getWithinMs()};
    auto said = fmt::format("node {}: {}", what.node, to_text(*how));
    return ask<cluster_node>(connection_, limit(),
                             [&](auto done) { desk().order(std::move(what), std::move(done)); })
        .then(
            [context, connection = connection_, said = std::move(said)](result<cluster_node> value) mutable {
              if (value) note(*connection, "order", said, true);
              put(context, value);
            });
  }

 private:
  template <class Context, class T>
  static void put(Context& context, result<T>& value) {
    answer(context.getResults().initOutcome(), value,
           [](const T& ok, auto out) { cluster_codec::encode(ok, out); });
  }
  cluster_desk& desk() { return *connection_->shared.options.cluster; }
  duration limit() const { return connection_->shared.options.query_timeout; }

  connection_ptr connection_;
};

}  // namespace

schema::cluster::Cluster::Client make_cluster(std::shared_ptr<connection_state> connection) {
  return kj::heap<cluster_server>(std::move(connection));
}

}  // namespace graphite::service_session
