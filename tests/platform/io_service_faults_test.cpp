// io_service over an adapter that misbehaves.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "platform/linux/io_service.hpp"
#include "tests/support/faulty_io.hpp"
#include "tests/support/wait_until.hpp"

namespace graphite {
namespace {

/// With so many threads that call back; 0: the service's own does.
class io_service_over_faults : public testing::TestWithParam<std::size_t> {
 protected:
  using knobs = io_faults::knobs;

  void begin(std::size_t depth = 128, std::size_t queued_max = 4096) {
    auto made = io_service::over(std::make_unique<faulty_io>(faults_, depth),
                                 {.queued_max = queued_max,
                                  .callback_threads = GetParam(),
                                  .wait_max = std::chrono::milliseconds(5),
                                  .useless_waits_max = 20});
    ASSERT_TRUE(made) << made.error().context;
    service_ = std::move(*made);
  }
  /// Of 100 bytes; 0 where it was refused.
  std::uint64_t submit(io_operation what = io_operation::read) {
    const auto token = service_->submit({.what = what, .file = {0}, .bytes = bytes_},
                                        [this](const io_completion& ended) { note(ended); });
    if (token) submitted_.push_back(*token);
    return token.value_or(0);
  }
  void note(const io_completion& ended) {
    const std::lock_guard lock(mutex_);
    answers_[ended.token].push_back(ended);
    if (faults_->destroyed()) ++after_adapter_;
  }
  /// The only answer to each operation, in the order of the submissions: fails where there is none, or there
  /// are several.
  std::vector<io_completion> answers() {
    const std::lock_guard lock(mutex_);
    std::vector<io_completion> out;
    for (const auto token : submitted_) {
      const auto& got = answers_[token];
      EXPECT_EQ(got.size(), 1u) << "operation " << token;
      out.push_back(got.empty() ? io_completion{} : got.front());
    }
    EXPECT_EQ(answers_.size(), submitted_.size());
    return out;
  }
  std::size_t answered() {
    const std::lock_guard lock(mutex_);
    return answers_.size();
  }
  /// Asked until it is told: a callback may have come before.
  bool is_told(const std::string& text) {
    return test::wait_until([&] { return service_->trouble().find(text) != std::string::npos; });
  }
  bool are_active(std::size_t count) {
    return test::wait_until([&] { return service_->active() == count; });
  }
  bool are_held(std::size_t count) {
    return test::wait_until([&] { return faults_->held() == count; });
  }

  std::shared_ptr<io_faults> faults_ = std::make_shared<io_faults>();
  std::array<std::byte, 100> bytes_{};
  std::mutex mutex_;
  std::map<std::uint64_t, std::vector<io_completion>> answers_;
  std::size_t after_adapter_ = 0;  ///< answers after the adapter was destroyed
  std::vector<std::uint64_t> submitted_;
  std::unique_ptr<io_service> service_;  ///< last: its callbacks use the others
};

TEST_P(io_service_over_faults, passes_on_how_an_operation_ended) {
  const std::vector<io_completion> ends = {
      {.failed = errc::io, .system_error = EIO},
      {.bytes = 40, .failed = errc::out_of_space, .system_error = ENOSPC},
      {.failed = errc::cancelled, .system_error = ECANCELED},
      {.bytes = 7},  // short
      {.bytes = 0},
      {.failed = errc::permission_denied, .system_error = EACCES},
      {.bytes = 100}};
  std::size_t next = 0;
  faults_->set([&](knobs& now) { now.answer = [&](const io_request&) { return ends.at(next++); }; });
  begin();
  for (std::size_t i = 0; i < ends.size(); ++i) ASSERT_NE(submit(), 0u);
  service_->drain();
  const auto got = answers();
  for (std::size_t i = 0; i < ends.size(); ++i) {
    EXPECT_EQ(got[i].failed, ends[i].failed) << i;
    EXPECT_EQ(got[i].bytes, ends[i].bytes) << i;
    EXPECT_EQ(got[i].system_error, ends[i].system_error) << i;
  }
  EXPECT_EQ(service_->trouble(), "");
  EXPECT_EQ(service_->facts().name, "faulty");
  EXPECT_EQ(service_->facts().reason, "a test");
}

TEST_P(io_service_over_faults, a_refused_batch_fails_with_its_code_and_the_next_goes_on) {
  faults_->set([](knobs& now) {
    now.submits_failed = 1;
    now.submit_error = errc::unsupported;
  });
  begin();
  submit();
  service_->drain();
  EXPECT_EQ(answers().front().failed, errc::unsupported);
  EXPECT_NE(service_->trouble().find("a submission that is to fail"), std::string::npos);
  submit();
  service_->drain();
  EXPECT_FALSE(answers().back().failed);
}

TEST_P(io_service_over_faults, a_refusal_leaves_what_is_under_way_alone) {
  faults_->set([](knobs& now) { now.holds = true; });
  begin();
  submit();
  ASSERT_TRUE(are_held(1));
  faults_->set([](knobs& now) { now.submits_failed = io_faults::always; });
  for (int i = 0; i < 10; ++i) submit();
  ASSERT_TRUE(are_active(1));
  EXPECT_EQ(answered(), 10u);
  faults_->let_go();
  service_->drain();
  const auto got = answers();
  EXPECT_FALSE(got[0].failed);
  for (std::size_t i = 1; i < got.size(); ++i) EXPECT_EQ(got[i].failed, errc::busy);
}

TEST_P(io_service_over_faults, what_is_not_taken_at_once_is_offered_again) {
  faults_->set([](knobs& now) { now.holds = true, now.takes_max = 1; });
  begin(8);
  for (int i = 0; i < 30; ++i) submit();
  ASSERT_TRUE(test::wait_until([&] { return faults_->held() > 0; }));
  faults_->set([](knobs& now) { now.holds = false; });
  faults_->let_go();
  service_->drain();
  for (const auto& one : answers()) EXPECT_FALSE(one.failed);
  EXPECT_EQ(faults_->taken(), submitted_);
}

TEST_P(io_service_over_faults, what_is_never_taken_fails_as_busy) {
  faults_->set([](knobs& now) { now.takes_max = 0; });
  begin();
  for (int i = 0; i < 30; ++i) submit();
  service_->drain();
  for (const auto& one : answers()) EXPECT_EQ(one.failed, errc::busy);
}

TEST_P(io_service_over_faults, counts_no_more_than_it_gave) {
  faults_->set([](knobs& now) { now.claims_more = 1000; });
  begin(8);
  for (int i = 0; i < 100; ++i) submit();
  service_->drain();
  for (const auto& one : answers()) EXPECT_FALSE(one.failed);
}

TEST_P(io_service_over_faults, a_completion_given_twice_is_called_back_once) {
  faults_->set([](knobs& now) { now.holds = true; });
  begin();
  submit();
  ASSERT_TRUE(are_held(1));
  faults_->set([](knobs& now) { now.holds = false, now.twice = true; });
  submit();
  EXPECT_TRUE(is_told("had not got"));
  ASSERT_TRUE(are_active(1));
  EXPECT_EQ(answered(), 1u);
  // Counted as two it would leave nothing to wait for.
  faults_->let_go();
  ASSERT_TRUE(test::wait_until([&] { return answered() == 2; }));
  for (int i = 0; i < 100; ++i) submit();
  service_->drain();
  for (const auto& one : answers()) EXPECT_FALSE(one.failed);
}

TEST_P(io_service_over_faults, completions_of_what_it_has_not_are_dropped) {
  faults_->set([](knobs& now) { now.holds = true; });
  begin(1);
  submit();
  ASSERT_TRUE(are_held(1));
  const auto queued = submit();
  for (const std::uint64_t token : {std::uint64_t{0}, std::uint64_t{999}, ~std::uint64_t{0}, queued}) {
    faults_->give({.token = token, .failed = errc::corrupt});
    EXPECT_TRUE(is_told("ended operation " + std::to_string(token)));
  }
  EXPECT_EQ(answered(), 0u);
  faults_->set([](knobs& now) { now.holds = false; });
  faults_->let_go();
  service_->drain();
  for (const auto& one : answers()) EXPECT_FALSE(one.failed);
  EXPECT_EQ(faults_->taken(), submitted_);
}

TEST_P(io_service_over_faults, a_wait_that_fails_a_few_times_costs_nothing_but_time) {
  begin();
  for (const std::size_t times : {10, 3, 3, 3, 3, 3, 3, 3}) {  // more than it bears in a row
    faults_->set([&](knobs& now) { now.waits_failed = times; });
    submit();
    service_->drain();
  }
  for (const auto& one : answers()) EXPECT_FALSE(one.failed);
  EXPECT_NE(service_->trouble().find("a wait that is to fail"), std::string::npos);
}

/// Nobody may free his bytes before nothing writes to them any more.
TEST_P(io_service_over_faults, where_waiting_always_fails_the_adapter_goes_and_then_all_fail) {
  faults_->set([](knobs& now) {
    now.holds = true;
    now.wait_error = errc::permission_denied;
  });
  begin(2);
  submit(), submit();
  ASSERT_TRUE(are_held(2));
  submit(), submit();  // these wait for room
  faults_->set([](knobs& now) { now.waits_failed = io_faults::always; });
  service_->drain();
  EXPECT_EQ(service_->active(), 0u);
  const auto got = answers();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(got[i].failed, errc::io);
    EXPECT_EQ(got[i].system_error, EIO);
  }
  for (int i = 2; i < 4; ++i) EXPECT_EQ(got[i].failed, errc::permission_denied);
  EXPECT_EQ(after_adapter_, 4u);
  EXPECT_EQ(faults_->taken().size(), 2u);
  const auto refused = service_->submit({.file = {0}, .bytes = bytes_}, [](const auto&) { FAIL(); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::permission_denied);
  EXPECT_NE(refused.error().context.find("a wait that is to fail"), std::string::npos);
  EXPECT_NE(service_->trouble().find("given up"), std::string::npos);
  service_->cancel(submitted_.front());
}

TEST_P(io_service_over_faults, a_callback_may_submit_while_the_adapter_is_given_up) {
  faults_->set([](knobs& now) { now.waits_failed = io_faults::always; });
  begin();
  std::atomic<int> refused = 0;
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(service_->submit({.file = {0}, .bytes = bytes_}, [&](const io_completion&) {
      if (!service_->submit({.file = {0}, .bytes = bytes_}, [](const auto&) { FAIL(); })) ++refused;
    }));
  service_->drain();
  EXPECT_EQ(refused, 5);
}

TEST_P(io_service_over_faults, ends_where_waiting_always_fails) {
  faults_->set([](knobs& now) { now.holds = true; });
  begin(4);
  for (int i = 0; i < 10; ++i) submit();
  ASSERT_TRUE(are_held(4));
  faults_->set([](knobs& now) { now.waits_failed = io_faults::always; });
  service_.reset();
  EXPECT_TRUE(faults_->destroyed());
  for (const auto& one : answers()) EXPECT_TRUE(one.failed == errc::io || one.failed == errc::cancelled);
}

TEST_P(io_service_over_faults, what_the_adapter_has_lost_fails) {
  faults_->set([](knobs& now) { now.loses = true; });
  begin();
  for (int i = 0; i < 10; ++i) submit();
  service_->drain();
  EXPECT_TRUE(faults_->destroyed());
  for (const auto& one : answers()) EXPECT_EQ(one.failed, errc::io);
  EXPECT_NE(service_->trouble().find("lost"), std::string::npos);
}

TEST_P(io_service_over_faults, goes_on_where_nothing_wakes_the_adapter) {
  faults_->set([](knobs& now) { now.holds = now.deaf = true; });
  begin();
  const auto first = submit();
  ASSERT_TRUE(are_held(1));
  submit();
  ASSERT_TRUE(are_held(2));
  service_->cancel(first);
  ASSERT_TRUE(test::wait_until([&] { return answered() == 1; }));
  service_.reset();
  for (const auto& one : answers()) EXPECT_EQ(one.failed, errc::cancelled);
  EXPECT_EQ(faults_->left(), 0u);
}

TEST_P(io_service_over_faults, ends_what_ends_only_when_it_is_cancelled) {
  faults_->set([](knobs& now) { now.holds = true; });
  begin(4);
  for (int i = 0; i < 10; ++i) submit();
  ASSERT_TRUE(are_held(4));
  service_.reset();
  for (const auto& one : answers()) EXPECT_EQ(one.failed, errc::cancelled);
  EXPECT_EQ(faults_->taken().size(), 4u);
  EXPECT_EQ(faults_->left(), 0u);
}

TEST_P(io_service_over_faults, what_was_offered_and_not_taken_may_be_cancelled) {
  faults_->set([](knobs& now) { now.holds = true; });
  begin(8);
  submit();
  ASSERT_TRUE(are_held(1));
  faults_->set([](knobs& now) { now.takes_max = 0; });
  const auto offered = submit();
  ASSERT_TRUE(test::wait_until([&] { return faults_->not_taken() > 0; }));
  service_->cancel(offered);
  ASSERT_TRUE(test::wait_until([&] { return answered() == 1; }));
  const auto before = faults_->not_taken();
  submit();
  ASSERT_TRUE(test::wait_until([&] { return faults_->not_taken() > before; }));
  service_.reset();
  for (const auto& one : answers()) EXPECT_EQ(one.failed, errc::cancelled);
  EXPECT_EQ(faults_->taken().size(), 1u);
}

TEST_P(io_service_over_faults, asks_again_for_a_cancellation_that_was_refused) {
  faults_->set([](knobs& now) { now.holds = true, now.cancels_failed = 3; });
  begin(4);
  const auto first = submit();
  for (int i = 0; i < 9; ++i) submit();
  ASSERT_TRUE(are_held(4));
  service_->cancel(first);
  ASSERT_TRUE(test::wait_until([&] { return answered() == 1; }));
  EXPECT_EQ(faults_->cancels(), 4u);
  faults_->set([](knobs& now) { now.cancels_failed = 12, now.cancel_error = errc::io; });
  service_.reset();
  for (const auto& one : answers()) EXPECT_EQ(one.failed, errc::cancelled);
  EXPECT_EQ(faults_->left(), 0u);
}

TEST_P(io_service_over_faults, ends_where_cancelling_always_fails) {
  faults_->set([](knobs& now) { now.holds = true, now.cancels_failed = io_faults::always; });
  begin(4);
  for (int i = 0; i < 10; ++i) submit();
  ASSERT_TRUE(are_held(4));
  service_.reset();
  EXPECT_TRUE(faults_->destroyed());
  for (const auto& one : answers()) EXPECT_TRUE(one.failed == errc::io || one.failed == errc::cancelled);
}

TEST_P(io_service_over_faults, an_operation_may_take_longer_than_waits_do) {
  faults_->set([](knobs& now) { now.holds = true; });
  begin();
  submit();
  ASSERT_TRUE(test::wait_until([&] { return faults_->waits() > 50; }));
  faults_->let_go();
  service_->drain();
  EXPECT_FALSE(answers().front().failed);
}

/// Waits that are woken for nothing are not the adapter's fault.
TEST_P(io_service_over_faults, an_operation_may_take_its_time_however_often_it_is_asked_to_end) {
  faults_->set([](knobs& now) {
    now.holds = true;
    now.cancels_failed = io_faults::always;
    now.cancel_error = errc::not_found;
  });
  begin();
  const auto slow = submit();
  ASSERT_TRUE(are_held(1));
  for (int i = 0; i < 500; ++i) {
    const auto asked = faults_->cancels();
    service_->cancel(slow);
    ASSERT_TRUE(test::wait_until([&] { return faults_->cancels() > asked; }));
  }
  EXPECT_EQ(service_->trouble(), "");
  faults_->let_go();
  service_->drain();
  EXPECT_FALSE(answers().front().failed);
}

TEST_P(io_service_over_faults, many_threads_and_all_faults_at_once) {
  begin(8);
  faults_->set([](knobs& now) {
    now.twice = true, now.takes_max = 3;
    now.submits_failed = 5, now.waits_failed = 5, now.cancels_failed = 5;
  });
  std::mutex mutex;
  std::vector<std::thread> threads;
  std::map<std::uint64_t, int> counts;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const auto token = service_->submit({.file = {0}, .bytes = bytes_}, [&](const io_completion& ended) {
          const std::lock_guard lock(mutex);
          ++counts[ended.token];
        });
        ASSERT_TRUE(token);
        if (i % 3 == t) service_->cancel(*token);
        if (i % 50 == 0) faults_->give({.token = *token + 1});
      }
    });
  for (auto& thread : threads) thread.join();
  service_.reset();
  EXPECT_EQ(counts.size(), 600u);
  for (const auto& [token, count] : counts) EXPECT_EQ(count, 1) << token;
}

INSTANTIATE_TEST_SUITE_P(callback_threads, io_service_over_faults, testing::Values(0, 2));

TEST(io_service, wants_an_adapter_with_room) {
  EXPECT_EQ(io_service::over(nullptr).error().code, errc::invalid_argument);
  const auto faults = std::make_shared<io_faults>();
  EXPECT_EQ(io_service::over(std::make_unique<faulty_io>(faults, 0)).error().code, errc::invalid_argument);
  EXPECT_EQ(io_service::over(std::make_unique<faulty_io>(faults), {.callback_threads = 100'000}).error().code,
            errc::invalid_argument);
  EXPECT_TRUE(faults->destroyed());
}

}  // namespace
}  // namespace graphite
