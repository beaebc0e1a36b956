#include "node/slots.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace graphite {
namespace {

/// Commands as text: "start 1", "stop 1", "sync 1", "report 1 refused", "wake 2".
std::string text(const std::vector<slots_command>& commands) {
  static constexpr const char* status[] = {"ok", "failed", "stale", "cancelled", "refused"};
  std::string out;
  for (const auto& one : commands) {
    if (!out.empty()) out += ", ";
    if (const auto* c = std::get_if<slot_command::start>(&one))
      out += fmt::format("start {}", c->spec.action.value);
    if (const auto* c = std::get_if<slot_command::stop>(&one)) out += fmt::format("stop {}", c->action.value);
    if (const auto* c = std::get_if<slot_command::sync>(&one)) out += fmt::format("sync {}", c->batch);
    if (const auto* c = std::get_if<slot_command::report>(&one))
      out += fmt::format("report {} {}", c->result.action.value, status[static_cast<int>(c->result.status)]);
    if (std::holds_alternative<slot_command::wake>(one)) out += "wake";
  }
  return out;
}

class slots_test : public testing::Test {
 protected:
  static attempt_spec spec(std::uint32_t action, std::uint64_t epoch = 1) {
    return {action_id{action},
            attempt_number{1},
            epoch_number{epoch},
            {},
            {},
            *logical_path::parse("x"),
            {},
            {},
            {},
            {},
            {},
            {}};
  }
  static slot_event::finished finished(std::uint32_t action, bool needs_sync,
                                       attempt_status status = attempt_status::succeeded) {
    attempt_result result;
    result.action = action_id{action};
    result.attempt = attempt_number{1};
    result.status = status;
    return {std::move(result), needs_sync};
  }
  static slot_event::cancel cancel(std::uint32_t action) { return {action_id{action}, attempt_number{1}}; }
  std::string step(slots_event event) { return text(slots_.step(std::move(event), now_)); }
  std::string assign(std::uint32_t action, std::uint64_t epoch = 1) {
    return step(slot_event::assign{spec(action, epoch)});
  }

  time_point now_ = time_from_ns(1'000'000'000);
  slots slots_{{.running_max = 2, .queued_max = 2, .settle_batch_max = 2, .settle_delay = milliseconds(2)}};
};

TEST_F(slots_test, starts_what_fits_and_the_rest_in_order) {
  EXPECT_EQ(slots_.credit(), 4u);
  EXPECT_EQ(assign(1), "start 1");
  EXPECT_EQ(assign(2), "start 2");
  EXPECT_EQ(assign(3), "");
  EXPECT_EQ(assign(4), "");
  EXPECT_EQ(slots_.credit(), 0u);
  EXPECT_EQ(assign(5), "report 5 refused");
  EXPECT_EQ(step(finished(2, false)), "report 2 ok, start 3");
  EXPECT_EQ(slots_.open().size(), 3u);
}

TEST_F(slots_test, an_assignment_sent_twice_counts_once) {
  EXPECT_EQ(assign(1), "start 1");
  EXPECT_EQ(assign(1), "");
  EXPECT_EQ(slots_.running(), 1u);
}

TEST_F(slots_test, successes_share_a_sync) {
  assign(1);
  assign(2);
  assign(3);
  EXPECT_EQ(step(finished(1, true)), "wake, start 3");
  EXPECT_EQ(step(finished(2, true)), "sync 1");
  EXPECT_EQ(step(slot_event::synced{1, {}}), "report 1 ok, report 2 ok");
}

TEST_F(slots_test, a_lone_success_waits_only_its_delay) {
  assign(1);
  assign(2);
  EXPECT_EQ(step(finished(1, true)), "wake");
  EXPECT_EQ(step(slot_event::tick{}), "");
  now_ += milliseconds(2);
  EXPECT_EQ(step(slot_event::tick{}), "sync 1");
}

TEST_F(slots_test, the_last_running_one_does_not_wait) {
  assign(1);
  EXPECT_EQ(step(finished(1, true)), "wake, sync 1");
}

TEST_F(slots_test, one_sync_at_a_time) {
  assign(1);
  assign(2);
  step(finished(1, true));
  EXPECT_EQ(step(finished(2, true)), "sync 1");
  assign(3);
  EXPECT_EQ(step(finished(3, true)), "wake");
  EXPECT_EQ(step(slot_event::synced{1, {}}), "report 1 ok, report 2 ok, sync 2");
}

TEST_F(slots_test, a_failed_sync_refuses_its_batch) {
  assign(1);
  step(finished(1, true));
  EXPECT_EQ(step(slot_event::synced{1, error{errc::out_of_space, "full"}}), "report 1 refused");
}

TEST_F(slots_test, failures_need_no_sync) {
  assign(1);
  EXPECT_EQ(step(finished(1, true, attempt_status::failed)), "report 1 failed");
}

TEST_F(slots_test, cancel_reports_waiting_ones_and_stops_running_ones_once) {
  assign(1);
  assign(2);
  assign(3);
  EXPECT_EQ(step(cancel(3)), "report 3 cancelled");
  EXPECT_EQ(step(cancel(1)), "stop 1");
  EXPECT_EQ(step(cancel(1)), "");
  EXPECT_EQ(step(cancel(9)), "");
  EXPECT_EQ(step(finished(1, false, attempt_status::cancelled)), "report 1 cancelled");
}

TEST_F(slots_test, a_cancel_too_late_lets_the_result_through) {
  assign(1);
  step(finished(1, true));
  EXPECT_EQ(step(cancel(1)), "");
  EXPECT_EQ(step(slot_event::synced{1, {}}), "report 1 ok");
}

TEST_F(slots_test, a_new_reign_ends_older_attempts_and_refuses_late_ones) {
  assign(1);
  assign(2);
  assign(3);
  assign(4, 2);
  EXPECT_EQ(step(slot_event::epoch{epoch_number{2}}), "stop 1, stop 2, report 3 cancelled");
  EXPECT_EQ(assign(5, 1), "report 5 refused");
  EXPECT_EQ(step(finished(1, false, attempt_status::cancelled)), "report 1 cancelled, start 4");
}

TEST_F(slots_test, every_assigned_attempt_is_reported_exactly_once) {
  std::mt19937_64 random(11);
  std::multiset<std::uint32_t> assigned, reported;
  std::vector<std::uint32_t> running;
  std::vector<std::uint64_t> syncs;
  std::uint32_t next = 1;
  const auto take = [&](std::vector<slots_command> commands) {
    for (const auto& one : commands) {
      if (const auto* c = std::get_if<slot_command::start>(&one)) running.push_back(c->spec.action.value);
      if (const auto* c = std::get_if<slot_command::sync>(&one)) syncs.push_back(c->batch);
      if (const auto* c = std::get_if<slot_command::report>(&one)) reported.insert(c->result.action.value);
    }
    EXPECT_LE(slots_.running(), 2u);
    EXPECT_LE(syncs.size(), 1u);
  };
  const auto finish_one = [&] {
    const auto at = running.begin() + static_cast<std::ptrdiff_t>(random() % running.size());
    const auto action = *at;
    running.erase(at);
    take(slots_.step(finished(action, random() % 2 == 0), now_));
  };
  const auto sync_one = [&] {
    const auto batch = syncs.back();
    syncs.pop_back();
    take(slots_.step(slot_event::synced{batch, {}}, now_));
  };
  for (int round = 0; round < 20'000; ++round) {
    now_ += microseconds(random() % 3000);
    const auto dice = random() % 5;
    if (dice == 0) {
      assigned.insert(next);
      take(slots_.step(slot_event::assign{spec(next++)}, now_));
    } else if (dice == 1 && !running.empty()) {
      finish_one();
    } else if (dice == 2 && !syncs.empty()) {
      sync_one();
    } else if (dice == 3) {
      take(slots_.step(cancel(next - 1 - static_cast<std::uint32_t>(random() % std::min(next, 8u))), now_));
    } else {
      take(slots_.step(slot_event::tick{}, now_));
    }
  }
  while (!running.empty() || !syncs.empty()) running.empty() ? sync_one() : finish_one();
  EXPECT_EQ(reported, assigned);
  EXPECT_TRUE(slots_.open().empty());
}

}  // namespace
}  // namespace graphite
