#include <capnp/rpc-twoparty.h>
#include <gtest/gtest.h>
#include <kj/async-io.h>

#include "gateway/job_client.hpp"
#include "gateway/local_service.hpp"
#include "gateway/service_codec.hpp"
#include "schemas/jobs.capnp.h"
#include "tests/coordinator/jobs/job_world.hpp"
#include "tests/support/fake_facade.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/table_jobs.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/wait_until.hpp"

// Clients that ask for jobs as no client of ours would. They speak the schema themselves.

namespace graphite {
namespace {

using namespace test;
namespace service_wire = schema::service;
namespace jobs_wire = schema::jobs;

// Its generated base has no virtual destructor, and is only counted.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
/// Takes what comes and never says so.
class stuck_sink final : public jobs_wire::EventSink::Server {
 public:
  explicit stuck_sink(int& taken) : taken_(taken) {}
  kj::Promise<void> events(EventsContext) override {
    ++taken_;
    return kj::NEVER_DONE;
  }
  kj::Promise<void> end(EndContext) override { return kj::NEVER_DONE; }

 private:
  int& taken_;
};
#pragma GCC diagnostic pop

/// A connection that speaks the schema. One of a thread.
class schema_client {
 public:
  explicit schema_client(const std::string& socket) : io_(kj::setupAsyncIo()) {
    auto address = io_.provider->getNetwork().parseAddress("unix:" + socket).wait(io_.waitScope);
    stream_ = address->connect().wait(io_.waitScope);
    network_ = kj::heap<capnp::TwoPartyVatNetwork>(*stream_, capnp::rpc::twoparty::Side::CLIENT);
    rpc_ = kj::heap<capnp::RpcSystem<capnp::rpc::twoparty::VatId>>(capnp::makeRpcClient(*network_));
    capnp::MallocMessageBuilder scratch;
    auto vat = scratch.initRoot<capnp::rpc::twoparty::VatId>();
    vat.setSide(capnp::rpc::twoparty::Side::SERVER);
    auto hello = rpc_->bootstrap(vat).castAs<service_wire::Gate>().helloRequest();
    hello.setProtocol(service_wire::PROTOCOL_VERSION);
    auto session = hello.send().wait(io_.waitScope).getWelcome().getSession();
    jobs = session.jobsRequest()
               .send()
               .wait(io_.waitScope)
               .getOutcome()
               .getOk()
               .getJobs()
               .castAs<jobs_wire::Jobs>();
  }
  /// The code that a call is answered with; nothing where it is answered well.
  template <class Request>
  std::optional<errc> code(Request request) {
    const auto response = request.send().wait(io_.waitScope);
    if (!response.getOutcome().isFailed()) return {};
    return service_codec::decode_error(response.getOutcome().getFailed()).code;
  }
  kj::WaitScope& wait_scope() { return io_.waitScope; }
  /// Lets what came in be handled.
  void turn() { io_.provider->getTimer().afterDelay(5 * kj::MILLISECONDS).wait(io_.waitScope); }

 private:
  kj::AsyncIoContext io_;
  kj::Own<kj::AsyncIoStream> stream_;
  kj::Own<capnp::TwoPartyVatNetwork> network_;
  kj::Own<capnp::RpcSystem<capnp::rpc::twoparty::VatId>> rpc_;

 public:
  jobs_wire::Jobs::Client jobs = nullptr;  // last: it ends before the connection
};

job_table_options each_step_told() {
  job_table_options out;
  out.progress_interval = duration::zero();
  return out;
}

class hostile_jobs : public testing::Test {
 protected:
  hostile_jobs() {
    options_.state_folder = folder_.path();
    options_.program = "1.2.3";
    options_.jobs = jobs_.services();
    auto started = local_service::start(facade_, options_, log_);
    service_ = std::move(started.value());
    jobs_.submit({"main", "ann"}, project_request("k"),
                 [this](result<job_accepted> made) { id_ = made->job.id; });
    jobs_.looked(id_, 1);
  }

  temporary_folder folder_;
  recording_log log_;
  fake_facade facade_;
  table_jobs jobs_{each_step_told()};
  local_service_options options_;
  std::unique_ptr<local_service> service_;
  job_id id_;
};

TEST_F(hostile_jobs, that_never_take_what_was_sent_cost_a_window_of_it) {
  schema_client client(service_->socket_path());
  int taken = 0;
  auto call = client.jobs.watchRequest();
  call.setJob(id_.value);
  call.setTo(kj::heap<stuck_sink>(taken));
  auto watching = call.send();
  EXPECT_TRUE(test::wait_until([&] {
    client.turn();
    return taken > 0;
  }));
  // Much more than the service keeps or sends ahead.
  for (std::uint64_t i = 1; i <= 20'000; ++i) {
    jobs_.progress(id_, i);
    if (i % 1'000 == 0) client.turn();
  }
  const auto reads = jobs_.reads();
  EXPECT_LE(reads, 300u);
  for (int i = 0; i < 5; ++i) client.turn();
  jobs_.progress(id_, 20'001);
  for (int i = 0; i < 5; ++i) client.turn();
  EXPECT_LE(jobs_.reads(), reads + 1);
  // The same connection goes on all the while.
  auto status = client.jobs.statusRequest();
  status.setJob(id_.value);
  EXPECT_FALSE(client.code(kj::mv(status)));
}

TEST_F(hostile_jobs, that_give_nobody_to_send_to_get_an_error_and_no_more) {
  schema_client client(service_->socket_path());
  auto call = client.jobs.watchRequest();
  call.setJob(id_.value);
  EXPECT_ANY_THROW(call.send().wait(client.wait_scope()));
  auto logs = client.jobs.logsRequest();
  logs.setJob(id_.value);
  EXPECT_ANY_THROW(logs.send().wait(client.wait_scope()));
  auto status = client.jobs.statusRequest();
  status.setJob(id_.value);
  EXPECT_FALSE(client.code(kj::mv(status)));
}

TEST_F(hostile_jobs, that_ask_for_more_than_the_limits_are_refused) {
  schema_client client(service_->socket_path());
  const auto missing = [&](capnp::uint contents, capnp::uint key_bytes) {
    auto call = client.jobs.missingRequest();
    call.setJob(id_.value);
    call.initClient(key_bytes);
    auto list = call.initContents(contents);
    for (auto one : list) one.initId(32);
    return client.code(kj::mv(call));
  };
  EXPECT_FALSE(missing(job_limits::contents_max, 32));
  EXPECT_EQ(missing(job_limits::contents_max + 1, 32), errc::too_large);
  EXPECT_EQ(missing(1, 31), errc::invalid_argument);
  EXPECT_EQ(missing(1, 0), errc::invalid_argument);
  auto list = client.jobs.listRequest();
  list.setMost(~std::uint32_t{0});
  EXPECT_FALSE(client.code(kj::mv(list)));
  EXPECT_EQ(client.code(client.jobs.submitRequest()), errc::corrupt);
}

TEST_F(hostile_jobs, that_open_watches_without_end_get_eight) {
  schema_client client(service_->socket_path());
  int taken = 0;
  kj::Vector<capnp::RemotePromise<jobs_wire::Jobs::WatchResults>> watching;
  for (int i = 0; i < 8; ++i) {
    auto call = client.jobs.watchRequest();
    call.setJob(id_.value);
    call.setTo(kj::heap<stuck_sink>(taken));
    watching.add(call.send());
  }
  auto ninth = client.jobs.watchRequest();
  ninth.setJob(id_.value);
  ninth.setTo(kj::heap<stuck_sink>(taken));
  EXPECT_EQ(client.code(kj::mv(ninth)), errc::busy);
  watching.clear();
  EXPECT_TRUE(test::wait_until([&] {
    client.turn();
    auto call = client.jobs.logsRequest();
    call.setJob(job_id{99}.value);
    return client.code(kj::mv(call)) != errc::busy;
  }));
}

}  // namespace
}  // namespace graphite
