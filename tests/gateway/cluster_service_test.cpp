#include <capnp/message.h>
#include <gtest/gtest.h>

#include <mutex>

#include "gateway/cluster_client.hpp"
#include "gateway/cluster_codec.hpp"
#include "tests/gateway/network_service_fixture.hpp"

// Real clients and a real service over sockets, with a cluster that the test describes.

namespace graphite {
namespace {

using namespace test;

cluster_report some_report() {
  cluster_report out;
  out.epoch = 7;
  out.in_grace = true;
  out.copies = 2;
  out.stores = 1;
  cluster_node node{"a", node_service::draining, true, true, true, "10.0.0.1:7403", 0.5, 3, {}};
  node.domains = {{"0-3", 4'000, 2'000, 1 << 30, 1 << 20, 2, 1, "gpu=1"}};
  out.nodes = {node, {"b", node_service::cordoned, false, false, false, "", 0, 0, {}}};
  out.classes = {{"interactive", 1, 2, 3.5}};
  out.running = {{"upper", "a.txt", "a", 1.5, true}};
  out.misfits = {{"bake", "gpu=1", 2}};
  out.tasks = 4, out.waiters = 5, out.delayed = 6, out.unplaceable = 2, out.hedged = 8, out.uncommitted = 9;
  out.commit_trouble = "no space is left";
  out.critical_seconds = 1, out.work_seconds = 2;
  return out;
}

cluster_report over_the_wire(const cluster_report& sent) {
  capnp::MallocMessageBuilder message;
  auto wire = message.initRoot<schema::cluster::Report>();
  cluster_codec::encode(sent, wire);
  const auto back = cluster_codec::decode(wire.asReader());
  EXPECT_TRUE(back) << back.error().context;
  return back ? *back : cluster_report{};
}

TEST(cluster_codec, a_report_survives_the_wire) {
  EXPECT_EQ(over_the_wire(some_report()), some_report());
  EXPECT_EQ(over_the_wire({}), cluster_report{});
}

TEST(cluster_codec, what_is_beyond_the_limits_is_left_out_here_and_refused_from_others) {
  auto large = some_report();
  large.running.resize(cluster_limits::running_max + 1);
  EXPECT_EQ(over_the_wire(large).running.size(), cluster_limits::running_max);
  capnp::MallocMessageBuilder message;
  auto wire = message.initRoot<schema::cluster::Report>();
  wire.initMisfits(cluster_limits::misfits_max + 1);
  EXPECT_EQ(cluster_codec::decode(wire.asReader()).error().code, errc::too_large);
  capnp::MallocMessageBuilder other;
  auto timeless = other.initRoot<schema::cluster::Report>();
  timeless.setWorkSeconds(-1);
  EXPECT_EQ(cluster_codec::decode(timeless.asReader()).error().code, errc::corrupt);
}

class told_cluster final : public cluster_desk {
 public:
  void report(reply<cluster_report> done) override { done(some_report()); }
  void order(node_order what, reply<cluster_node> done) override {
    const std::lock_guard lock(mutex_);
    orders_.push_back(what);
    if (what.node == "none") return done(fail(errc::not_found, "no node none"));
    done(cluster_node{what.node, what.how, true, false, false, "", 0, 0, {}});
  }
  std::vector<node_order> orders() {
    const std::lock_guard lock(mutex_);
    return orders_;
  }

 private:
  std::mutex mutex_;
  std::vector<node_order> orders_;
};

class cluster_service_test : public network_service_fixture {
 protected:
  struct asker {
    std::unique_ptr<service_client> service;
    result<std::unique_ptr<cluster_client>> cluster;
  };
  cluster_service_test() { options_.network.access.every_tenant = true; }
  static asker ask(client_result client) {
    EXPECT_TRUE(client) << client.error().context;
    asker out{std::move(*client), nullptr};
    out.cluster = cluster_client::open(*out.service);
    return out;
  }

  told_cluster cluster_;
};

TEST_F(cluster_service_test, reports_and_orders_reach_the_cluster_and_come_back) {
  options_.cluster = &cluster_;
  serve();
  const auto client = ask(by_socket());
  ASSERT_TRUE(client.cluster) << client.cluster.error().context;
  EXPECT_EQ(*(*client.cluster)->report(), some_report());
  const node_order order{"a", node_service::draining, 60'000};
  EXPECT_EQ((*client.cluster)->order(order)->service, node_service::draining);
  EXPECT_EQ(cluster_.orders(), std::vector<node_order>{order});
  EXPECT_EQ((*client.cluster)->order({"none", node_service::in, 0}).error().code, errc::not_found);
}

TEST_F(cluster_service_test, a_service_without_one_says_so) {
  serve();
  const auto client = ask(by_socket());
  ASSERT_FALSE(client.cluster);
  EXPECT_EQ(client.cluster.error().code, errc::unsupported);
}

TEST_F(cluster_service_test, orders_are_for_operators_and_reports_for_who_may_ask) {
  options_.cluster = &cluster_;
  serve();
  const auto asks = ask(by_token({"tenant", "ci", {verb::query, verb::build}, 1, valid_for_an_hour()}));
  ASSERT_TRUE(asks.cluster) << asks.cluster.error().context;
  EXPECT_TRUE((*asks.cluster)->report());
  EXPECT_EQ((*asks.cluster)->order({"a", node_service::in, 0}).error().code, errc::permission_denied);
  EXPECT_TRUE(cluster_.orders().empty());
}

}  // namespace
}  // namespace graphite
