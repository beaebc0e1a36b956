#include "cli/job_session.hpp"

#include <gtest/gtest.h>

#include "gateway/local_service.hpp"
#include "tests/coordinator/jobs/job_world.hpp"
#include "tests/support/fake_facade.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/table_jobs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite {
namespace {

using namespace test;

job_table_options every_event() {
  job_table_options out;
  out.progress_interval = duration::zero();
  return out;
}

/// A coordinator that ends and starts again, with its jobs; its client does not sleep but lets `on_pause`
/// act.
class job_sessions : public testing::Test {
 protected:
  job_sessions() {
    options_.state_folder = folder_.path();
    options_.program = "1.2.3";
    options_.jobs = jobs_.services();
  }
  void start() {
    auto started = local_service::start(facade_, options_, log_);
    ASSERT_TRUE(started) << started.error().context;
    service_ = std::move(*started);
  }
  job_session session(milliseconds retry_for = milliseconds(60'000)) {
    job_session_options options;
    options.retry_for = retry_for;
    options.pause = [this](milliseconds time) {
      pauses_.push_back(time);
      if (on_pause_) on_pause_();
    };
    return job_session(
        [this] {
          ++connects_;
          return service_client::connect({folder_.path(), "1.2.3"});
        },
        options);
  }

  temporary_folder folder_;
  recording_log log_;
  fake_facade facade_;
  table_jobs jobs_{every_event()};
  local_service_options options_;
  std::unique_ptr<local_service> service_;
  std::function<void()> on_pause_;
  std::vector<milliseconds> pauses_;
  int connects_ = 0;
};

TEST_F(job_sessions, wait_for_a_coordinator_that_is_away_and_submit_once) {
  auto client = session();
  on_pause_ = [this] {
    if (pauses_.size() == 3) start();
  };
  const auto made = client.submit(project_request("k"));
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(pauses_, (std::vector{milliseconds(100), milliseconds(200), milliseconds(400)}));
  service_.reset();
  on_pause_ = [this] { start(); };
  const auto again = client.submit(project_request("k"));
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_TRUE(again->known);
  EXPECT_EQ(again->job.id, made->job.id);
  EXPECT_EQ(client.list({})->size(), 1u);
}

TEST_F(job_sessions, tell_of_a_coordinator_that_stays_away) {
  auto client = session(milliseconds(0));
  const auto made = client.submit(project_request("k"));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::unavailable);
  EXPECT_TRUE(pauses_.empty());
}

TEST_F(job_sessions, repeat_nothing_that_time_does_not_mend) {
  start();
  auto client = session();
  ASSERT_TRUE(client.submit(project_request("k", 1)));
  EXPECT_EQ(client.submit(project_request("k", 2)).error().code, errc::already_exists);
  EXPECT_EQ(client.cancel(job_id{99}).error().code, errc::not_found);
  EXPECT_TRUE(pauses_.empty());
  EXPECT_EQ(connects_, 1);
}

TEST_F(job_sessions, bring_each_event_once_over_connections_that_break) {
  start();
  auto client = session();
  const auto id = client.submit(project_request("k"))->job.id;
  jobs_.looked(id, 0);
  std::vector<std::uint64_t> numbers, ran;
  on_pause_ = [this] { start(); };
  std::uint64_t told = 0;
  const auto end = client.watch(id, 0, [&](const job_event_batch& batch) {
    for (const auto& one : batch.items) {
      numbers.push_back(one.number);
      if (const auto* progress = std::get_if<job_events::progressed>(&one.what))
        ran.push_back(progress->now.ran);
    }
    if (told < 5) {
      service_.reset();  // gone while the client has this in its hands
      jobs_.progress(id, ++told);
    } else {
      jobs_.ended(id);
    }
    return true;
  });
  ASSERT_TRUE(end) << end.error().context;
  EXPECT_TRUE(end->over);
  EXPECT_EQ(ran, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  EXPECT_EQ(std::adjacent_find(numbers.begin(), numbers.end()), numbers.end());
  EXPECT_EQ(connects_, 6);
}

TEST_F(job_sessions, make_keys_that_differ) {
  const auto one = make_job_key(), other = make_job_key();
  EXPECT_EQ(one.size(), 32u);
  EXPECT_NE(one, other);
}

}  // namespace
}  // namespace graphite
