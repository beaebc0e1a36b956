#include "gateway/jobs_codec.hpp"

#include <capnp/message.h>
#include <gtest/gtest.h>

#include "tests/coordinator/jobs/job_world.hpp"

namespace graphite {
namespace {

namespace jobs_wire = schema::jobs;

/// What comes back of `value` over the wire.
template <class Wire, class Value>
auto over_the_wire(const Value& value) {
  capnp::MallocMessageBuilder message;
  jobs_codec::encode(value, message.initRoot<Wire>());
  return jobs_codec::decode(message.getRoot<Wire>().asReader());
}

job_info some_job() {
  job_info out;
  out.id = job_id{7};
  out.tenant = "studio";
  out.owner = "ann";
  out.label = "nightly";
  out.priority = job_priority::background;
  out.is_action = true;
  out.state = job_state::failed;
  out.accepted_unix_ns = 1;
  out.deadline_unix_ns = 2;
  out.ended_unix_ns = 3;
  out.missing = 4;
  out.missing_bytes = 5;
  out.progress = {1, 2, 3, 4, 5};
  job_outcome end;
  end.state = job_state::failed;
  end.message = "no";
  end.progress = {6, 7, 8, 9, 10};
  end.failures = {{"a.png", "bad"}};
  end.outputs = {{"a.o", test::some_root(3)}};
  end.generation = "main 4";
  end.listing = test::some_root(5);
  end.assets = 17;
  out.outcome = end;
  return out;
}

TEST(jobs_codec, requests_of_every_kind_survive_the_wire) {
  auto project = test::project_request("k");
  project.label = "nightly é";
  project.priority = job_priority::high;
  project.deadline = milliseconds(5'000);
  std::get<project_job>(project.what).targets = {"a", "b"};
  std::get<project_job>(project.what).keep_going = true;
  auto transform = test::action_request("k");
  std::get<action_job>(transform.what).what = transform_action{"texture", 3, "a.png", {}};
  std::get<action_job>(transform.what).use_cache = false;
  for (const auto& request : {project, test::action_request("k"), transform}) {
    const auto back = over_the_wire<jobs_wire::Request>(request);
    ASSERT_TRUE(back) << back.error().context;
    EXPECT_EQ(*back, request);
  }
}

TEST(jobs_codec, requests_that_the_check_refuses_are_refused_with_its_reason) {
  auto request = test::project_request("k");
  std::get<project_job>(request.what).project_file = "../x";
  EXPECT_EQ(over_the_wire<jobs_wire::Request>(request).error().code, errc::invalid_argument);
  request = test::project_request("k");
  request.key = "short";
  EXPECT_EQ(over_the_wire<jobs_wire::Request>(request).error().code, errc::invalid_argument);
}

TEST(jobs_codec, numbers_and_kinds_of_a_newer_client_are_refused) {
  const auto refused = [](auto change) {
    capnp::MallocMessageBuilder message;
    auto request = message.initRoot<jobs_wire::Request>();
    jobs_codec::encode(test::action_request("k"), request);
    change(request);
    return !jobs_codec::decode(request.asReader());
  };
  EXPECT_FALSE(refused([](auto) {}));
  EXPECT_TRUE(refused([](auto of) { of.setPriority(static_cast<jobs_wire::Priority>(4)); }));
  EXPECT_TRUE(refused([](auto of) { of.setDeadlineMs(~std::uint64_t{0}); }));
  EXPECT_TRUE(refused([](auto of) { of.getWhat().getAction().setTimeoutMs(~std::uint64_t{0}); }));
  EXPECT_TRUE(refused([](auto of) { of.getWhat().getAction().getInputRoot().initId(31); }));
  EXPECT_TRUE(refused([](auto of) { of.getWhat().getAction().getInputRoot().setSize(~std::uint64_t{0}); }));
  EXPECT_TRUE(refused([](auto of) { of.getWhat().getAction().getPlatform()[1].setName("arch"); }));  // twice
  EXPECT_TRUE(refused([](auto of) {
    of.getWhat().getAction().getRun().initTransform().setOptions(
        kj::arrayPtr(reinterpret_cast<const kj::byte*>("x"), 1));
  }));
  EXPECT_TRUE(refused([](auto of) { of.initKey(4'000); }));
}

TEST(jobs_codec, what_is_told_of_jobs_survives_the_wire) {
  EXPECT_EQ(over_the_wire<jobs_wire::Job>(some_job()).value(), some_job());
  auto open = some_job();
  open.outcome.reset();
  open.state = job_state::building;
  EXPECT_EQ(over_the_wire<jobs_wire::Job>(open).value(), open);
  EXPECT_TRUE(over_the_wire<jobs_wire::Accepted>(job_accepted{open, true})->known);
  const std::vector<job_info> list{some_job(), open};
  EXPECT_EQ(over_the_wire<jobs_wire::Listing>(list).value(), list);
}

TEST(jobs_codec, an_end_that_is_none_is_damage) {
  auto job = some_job();
  job.outcome->state = job_state::building;
  EXPECT_EQ(over_the_wire<jobs_wire::Job>(job).error().code, errc::corrupt);
}

TEST(jobs_codec, batches_survive_the_wire_and_their_numbers_ascend) {
  job_event_batch batch;
  batch.items = {{5, 1, job_events::state_changed{job_state::planning, "why"}},
                 {6, 2, job_events::blobs_missing{3, 300}},
                 {8, 3, job_events::progressed{{1, 2, 3, 4, 5}}},
                 {9, 4, job_events::action_failed{{"a.png", "bad"}}}};
  batch.left_out = 4;
  batch.summary = some_job();
  const auto back = over_the_wire<jobs_wire::EventBatch>(batch);
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(back->items, batch.items);
  EXPECT_EQ(back->left_out, 4u);
  EXPECT_EQ(back->summary, batch.summary);
  EXPECT_EQ(back->last, 9u);
  std::swap(batch.items[0], batch.items[1]);
  EXPECT_EQ(over_the_wire<jobs_wire::EventBatch>(batch).error().code, errc::corrupt);
  job_log_batch logs;
  logs.items = {{3, 1, "a.png", "one\ntwo\n"}, {4, 2, "b.png", ""}};
  logs.left_out = 2;
  EXPECT_EQ(over_the_wire<jobs_wire::LogBatch>(logs)->items, logs.items);
}

TEST(jobs_codec, places_of_missing_contents_are_those_of_the_question) {
  missing_answer answer;
  answer.missing = {0, 3};
  answer.copies = 2;
  answer.ticket.assign(40, std::byte{7});
  answer.until_unix_ns = 99;
  answer.stores = {{"10.0.0.1:7403", {}}, {"10.0.0.2:7403", {}}};
  answer.stores[0].key.bytes.fill(std::byte{9});
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<jobs_wire::Missing>();
  jobs_codec::encode(answer, out);
  const auto back = jobs_codec::decode(out.asReader(), 4);
  ASSERT_TRUE(back) << back.error().context;
  EXPECT_EQ(back->missing, answer.missing);
  EXPECT_EQ(back->stores, answer.stores);
  EXPECT_EQ(back->ticket, answer.ticket);
  EXPECT_EQ(back->copies, 2u);
  EXPECT_EQ(back->until_unix_ns, 99);
  EXPECT_EQ(jobs_codec::decode(out.asReader(), 3).error().code, errc::corrupt);
  out.getPlaces().set(1, 0);
  EXPECT_EQ(jobs_codec::decode(out.asReader(), 4).error().code, errc::corrupt);
}

}  // namespace
}  // namespace graphite
