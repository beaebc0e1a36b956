#include <gtest/gtest.h>

#include <future>

#include "gateway/job_client.hpp"
#include "tests/coordinator/jobs/job_world.hpp"
#include "tests/gateway/network_service_fixture.hpp"
#include "tests/support/table_jobs.hpp"

// Real clients and a real service over sockets, with jobs of a real table.

namespace graphite {
namespace {

using namespace test;

job_table_options many_events() {
  job_table_options out;
  out.progress_interval = duration::zero();
  out.events.of_job_max = 50;
  return out;
}

class jobs_service_test : public network_service_fixture {
 protected:
  jobs_service_test() {
    options_.jobs = jobs_.services();
    options_.network.access.every_tenant = true;
  }

  /// A client's connection with its jobs; of a thread that has no other.
  struct asker {
    std::unique_ptr<service_client> service;
    std::unique_ptr<job_client> jobs;
    job_client* operator->() { return jobs.get(); }
  };
  asker ask(client_result client) {
    EXPECT_TRUE(client) << client.error().context;
    asker out;
    if (!client) return out;
    out.service = std::move(*client);
    auto jobs = job_client::open(*out.service);
    EXPECT_TRUE(jobs) << jobs.error().context;
    if (jobs) out.jobs = std::move(*jobs);
    return out;
  }
  asker by_tenant(const std::string& tenant, verb_set verbs, std::uint64_t serial) {
    return ask(by_token({tenant, "ci-" + tenant, verbs, serial, valid_for_an_hour()}));
  }
  job_id submitted(asker& client, const std::string& key) {
    const auto made = client->submit(project_request(key));
    EXPECT_TRUE(made) << made.error().context;
    return made ? made->job.id : job_id{};
  }

  table_jobs jobs_{many_events()};
};

TEST_F(jobs_service_test, every_question_reaches_the_jobs_and_comes_back) {
  jobs_.stores.stores = {{"127.0.0.1:7403", {}}};
  jobs_.stores.ticket.assign(10, std::byte{3});
  jobs_.there = {some_root(1)};
  serve();
  auto client = ask(by_socket());
  auto request = project_request("k");
  request.label = "nightly";
  const auto made = client->submit(request);
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_FALSE(made->known);
  EXPECT_EQ(made->job.label, "nightly");
  const auto id = made->job.id;
  EXPECT_TRUE(client->submit(request)->known);
  missing_request question{id, {some_root(1), some_root(2)}, {}};
  question.client.bytes.fill(std::byte{5});
  const auto missing = client->missing(question);
  ASSERT_TRUE(missing) << missing.error().context;
  EXPECT_EQ(missing->missing, std::vector<std::uint32_t>{1});
  EXPECT_EQ(missing->stores, jobs_.stores.stores);
  EXPECT_EQ(missing->ticket, jobs_.stores.ticket);
  EXPECT_EQ(jobs_.last_missing().client, question.client);
  jobs_.looked(id, 0);
  EXPECT_EQ(client->uploaded(id)->state, job_state::planning);
  EXPECT_EQ(client->why(id, "a.png")->rule, "made up");
  EXPECT_EQ(client->trace(id, 5)->next, 5U);
  EXPECT_EQ(client->trace(job_id{999}, 0).error().code, errc::not_found);
  EXPECT_EQ(client->status(id)->state, job_state::planning);
  EXPECT_EQ(client->list({})->at(0).id, id);
  EXPECT_EQ(client->cancel(id)->state, job_state::cancelled);
  EXPECT_TRUE(client->list({true, {}, 10})->empty());
  EXPECT_EQ(client->status(job_id{999}).error().code, errc::not_found);
}

TEST_F(jobs_service_test, uploaded_is_answered_after_the_planner_has_looked) {
  serve();
  auto client = ask(by_socket());
  const auto id = submitted(client, "k");
  jobs_.looked(id, 3);
  std::thread planner([&] {
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.calls() == 2; }));
    jobs_.looked(id, 1);
  });
  const auto left = client->uploaded(id);
  planner.join();
  ASSERT_TRUE(left) << left.error().context;
  EXPECT_EQ(left->missing, 1u);
  EXPECT_EQ(left->state, job_state::waiting_for_blobs);
}

TEST_F(jobs_service_test, a_service_without_jobs_says_so) {
  options_.jobs = {};
  serve();
  auto client = by_socket();
  ASSERT_TRUE(client);
  const auto jobs = job_client::open(**client);
  ASSERT_FALSE(jobs);
  EXPECT_EQ(jobs.error().code, errc::unsupported);
}

TEST_F(jobs_service_test, errors_come_back_with_their_codes) {
  serve();
  auto client = ask(by_socket());
  ASSERT_TRUE(client->submit(project_request("k", 1)));
  EXPECT_EQ(client->submit(project_request("k", 2)).error().code, errc::already_exists);
  job_request bad = project_request("k");
  bad.key = "short";
  EXPECT_EQ(client->submit(bad).error().code, errc::invalid_argument);
  jobs_.set_full(true);
  EXPECT_EQ(client->submit(project_request("other")).error().code, errc::out_of_space);
  jobs_.set_full(false);
  EXPECT_FALSE(client->submit(project_request("other"))->known);
}

TEST_F(jobs_service_test, what_an_identity_may_is_asked_at_each_method) {
  serve();
  job_id id;
  {
    auto builder = ask(by_certificate(keys_.client({verb::build, verb::query}, 20)));
    id = submitted(builder, "k");
  }
  auto reader = ask(by_certificate(keys_.client({verb::query}, 21)));
  const auto denied = errc::permission_denied;
  const auto calls = jobs_.calls();
  EXPECT_EQ(reader->submit(project_request("k")).error().code, denied);
  EXPECT_EQ(reader->missing({id, {}, {}}).error().code, denied);
  EXPECT_EQ(reader->uploaded(id).error().code, denied);
  EXPECT_EQ(reader->cancel(id).error().code, denied);
  EXPECT_EQ(jobs_.calls(), calls);
  EXPECT_TRUE(reader->status(id));
  EXPECT_TRUE(reader->list({}));
  EXPECT_TRUE(reader->why(id, "a"));
  EXPECT_TRUE(reader->logs({id, "", 0, false}, [](const auto&) { return true; }));
}

TEST_F(jobs_service_test, a_revoked_identity_submits_nothing_more) {
  serve();
  auto client = ask(by_certificate(keys_.client({verb::build, verb::query}, 22)));
  submitted(client, "k");
  revoke({22});
  const auto refused = client->submit(project_request("other"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::permission_denied);
}

TEST_F(jobs_service_test, whose_a_job_is_follows_from_the_connection_alone) {
  serve();
  job_id red;
  {
    auto client = by_tenant("red", {verb::build, verb::query}, 30);
    red = submitted(client, "k");
    EXPECT_EQ(client->status(red)->tenant, "red");
    EXPECT_EQ(client->status(red)->owner, "ci-red");
    EXPECT_FALSE(jobs_.last_caller().every_tenant);
  }
  {
    auto client = by_tenant("blue", {verb::build, verb::query}, 31);
    EXPECT_EQ(client->status(red).error().code, errc::not_found);
    EXPECT_EQ(client->cancel(red).error().code, errc::not_found);
    EXPECT_EQ(client->watch(red, 0, [](const auto&) { return true; }).error().code, errc::not_found);
    EXPECT_TRUE(client->list({})->empty());
    EXPECT_NE(submitted(client, "k"), red);  // the same key is another job
  }
  auto client = by_tenant("main", {verb::query, verb::operate}, 32);
  EXPECT_EQ(client->list({})->size(), 2u);
}

TEST_F(jobs_service_test, tokens_of_other_tenants_are_refused_where_a_service_is_one_tenants) {
  options_.network.access.every_tenant = false;
  serve();
  expect_refused(by_token({"red", "ci", {verb::build}, 33, valid_for_an_hour()}),
                 "this token is for tenant red");
}

TEST_F(jobs_service_test, what_was_submitted_and_cancelled_is_noted_with_who_did_it) {
  struct recorder final : audit_sink {
    void record(const audit_entry& entry) override {
      lines.push_back(entry.who + ": " + entry.what + " " + entry.about);
    }
    std::vector<std::string> lines;
  } audit;
  options_.audit = &audit;
  serve();
  {
    auto client = by_tenant("red", {verb::build, verb::query}, 35);
    const auto id = submitted(client, "k");
    submitted(client, "k");  // nothing new
    jobs_.looked(id, 1);
    EXPECT_TRUE(client->missing({id, {some_root(1)}, {}}));
    EXPECT_TRUE(client->list({}));
    EXPECT_TRUE(client->cancel(id));
  }
  service_.reset();
  EXPECT_EQ(audit.lines, (std::vector<std::string>{"token 35 of ci-red: submit job 1",
                                                   "token 35 of ci-red: cancel job 1"}));
}

TEST_F(jobs_service_test, a_watch_brings_all_events_until_the_job_is_over) {
  serve();
  auto client = ask(by_socket());
  const auto id = submitted(client, "k");
  std::thread planner([&] {
    jobs_.looked(id, 0);
    for (std::uint64_t i = 1; i <= 5; ++i) {
      EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() == 1; }));  // all so far was taken
      jobs_.progress(id, i);
    }
    jobs_.ended(id);
  });
  std::vector<job_event> seen;
  bool first = true;
  const auto end = client->watch(id, 0, [&](const job_event_batch& batch) {
    EXPECT_EQ(batch.summary.has_value(), std::exchange(first, false));
    EXPECT_EQ(batch.left_out, 0u);
    seen.insert(seen.end(), batch.items.begin(), batch.items.end());
    return true;
  });
  planner.join();
  ASSERT_TRUE(end) << end.error().context;
  EXPECT_TRUE(end->over);
  ASSERT_GE(seen.size(), 8u);
  EXPECT_EQ(end->last, seen.back().number);
  for (std::size_t i = 1; i < seen.size(); ++i) EXPECT_GT(seen[i].number, seen[i - 1].number);
  EXPECT_EQ(std::get<job_events::state_changed>(seen.back().what).now, job_state::done);
}

TEST_F(jobs_service_test, a_watch_goes_on_behind_the_number_that_was_seen_last) {
  serve();
  auto client = ask(by_socket());
  const auto id = submitted(client, "k");
  jobs_.looked(id, 0);
  std::uint64_t last = 0;
  const auto given_up = client->watch(id, 0, [&](const job_event_batch& batch) {
    last = batch.last;
    return false;
  });
  ASSERT_TRUE(given_up) << given_up.error().context;
  EXPECT_FALSE(given_up->over);
  EXPECT_EQ(given_up->last, last);
  jobs_.ended(id);
  std::vector<std::uint64_t> numbers;
  const auto end = client->watch(id, last, [&](const job_event_batch& batch) {
    EXPECT_FALSE(batch.summary);
    for (const auto& one : batch.items) numbers.push_back(one.number);
    return true;
  });
  ASSERT_TRUE(end);
  EXPECT_EQ(numbers, std::vector{last + 1});
}

TEST_F(jobs_service_test, a_watch_without_news_asks_again_and_again_and_ends_with_its_client) {
  options_.watches_max = 1;
  serve();
  job_id id;
  {
    auto client = ask(by_socket());
    id = submitted(client, "k");
    std::thread time([&] {
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() == 1 && jobs_.reads() >= i + 2; }));
        jobs_.end_waits();
      }
      EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() == 1 && jobs_.reads() >= 5; }));
      jobs_.progress(id, 1);
    });
    int batches = 0;
    EXPECT_TRUE(client->watch(id, 0, [&](const auto&) { return ++batches < 2; }));
    time.join();
    EXPECT_EQ(batches, 2);
  }
  auto other = ask(by_socket());
  jobs_.ended(id);
  // Its place is free again once the service has seen it go.
  EXPECT_TRUE(wait_until([&] { return other->watch(id, 0, [](const auto&) { return true; }).has_value(); }));
}

TEST_F(jobs_service_test, more_watches_than_there_may_be_are_refused) {
  options_.watches_max = 1;
  serve();
  auto client = ask(by_socket());
  const auto id = submitted(client, "k");
  std::thread second([&] {
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() == 1; }));
    auto other = ask(by_socket());
    EXPECT_EQ(other->watch(id, 0, [](const auto&) { return true; }).error().code, errc::busy);
    EXPECT_EQ(other->logs({id, "", 0, true}, [](const auto&) { return true; }).error().code, errc::busy);
    jobs_.ended(id);
  });
  EXPECT_TRUE(client->watch(id, 0, [](const auto&) { return true; }));
  second.join();
}

/// It does not read for a while, in which the job tells much more than is kept.
TEST_F(jobs_service_test, a_slow_watcher_gets_a_summary_and_slows_nobody) {
  serve();
  auto quick = ask(by_socket());
  const auto id = submitted(quick, "k");
  jobs_.looked(id, 0);
  std::promise<void> stuck, go_on;
  std::vector<job_event_batch> batches;
  std::thread slow([&] {
    auto client = ask(by_socket());
    const auto end = client->watch(id, 0, [&](const job_event_batch& batch) {
      if (batches.empty()) {
        stuck.set_value();
        go_on.get_future().wait();
      }
      batches.push_back(batch);
      return true;
    });
    EXPECT_TRUE(end && end->over);
  });
  stuck.get_future().wait();
  constexpr std::uint64_t told = 20'000;
  for (std::uint64_t i = 1; i <= told; ++i) {
    jobs_.progress(id, i);
    if (i % 1'000 == 0) {
      EXPECT_EQ(quick->status(id)->progress.ran, i);
    }
  }
  jobs_.ended(id);
  go_on.set_value();
  slow.join();
  std::uint64_t items = 0, left_out = 0;
  for (const auto& one : batches) {
    items += one.items.size();
    left_out += one.left_out;
    EXPECT_EQ(one.summary.has_value(), &one == &batches.front() || one.left_out > 0);
  }
  EXPECT_GT(left_out, told / 2);
  EXPECT_EQ(items + left_out, told + 3);  // accepted, planning, done
  ASSERT_TRUE(batches.back().items.back().number > 0);
  EXPECT_EQ(std::get<job_events::state_changed>(batches.back().items.back().what).now, job_state::done);
}

TEST_F(jobs_service_test, logs_come_as_they_are_or_as_they_grow_of_one_path_or_of_all) {
  serve();
  auto client = ask(by_socket());
  const auto id = submitted(client, "k");
  jobs_.said(id, "a.png", "one\n");
  jobs_.said(id, "b.png", "two\n");
  const auto texts = [&](const std::string& path, bool follow) {
    std::string out;
    const auto end = client->logs({id, path, 0, follow}, [&](const job_log_batch& batch) {
      for (const auto& one : batch.items) out += one.text;
      return true;
    });
    EXPECT_TRUE(end) << end.error().context;
    EXPECT_EQ(end->over, follow);
    return out;
  };
  EXPECT_EQ(texts("", false), "one\ntwo\n");
  EXPECT_EQ(texts("b.png", false), "two\n");
  std::thread tool([&] {
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() == 1; }));
    jobs_.said(id, "a.png", "three\n");
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() == 1; }));
    jobs_.said(id, "b.png", "four\n");
    jobs_.ended(id);
  });
  EXPECT_EQ(texts("a.png", true), "one\nthree\n");
  tool.join();
}

TEST_F(jobs_service_test, a_watcher_of_a_service_that_ends_is_told_so) {
  serve();
  auto client = ask(by_socket());
  const auto id = submitted(client, "k");
  std::thread end([&] {
    EXPECT_TRUE(jobs_.wait_until([&] { return jobs_.waiting() == 1; }));
    service_.reset();
  });
  const auto watched = client->watch(id, 0, [](const auto&) { return true; });
  end.join();
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().code, errc::unavailable);
}

}  // namespace
}  // namespace graphite
