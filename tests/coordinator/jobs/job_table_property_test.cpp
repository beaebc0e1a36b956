#include <gtest/gtest.h>

#include <random>

#include "tests/coordinator/jobs/job_world.hpp"

// Random walks through all that can happen to jobs, crashes at any instant included, held against a model
// that knows only what was promised.

namespace graphite {
namespace {

using namespace test;

struct promised_job {
  std::string tenant;
  std::uint8_t root = 0;
  bool acknowledged = false;
  std::optional<job_state> told_over;
  std::uint64_t last_event = 0;
};

job_table_options small_options() {
  job_table_options out;
  out.quota.open_max = 12;
  out.quota.submits = {1'000, 1'000};
  out.quota.kept_max = 1'000'000;
  out.open_max = 20;
  out.blob_wait = seconds(20);
  out.kept_for = seconds(1'000'000);
  out.events.of_job_max = 5;
  out.rows_max = 7;
  return out;
}

class job_walk {
 public:
  explicit job_walk(std::uint64_t seed) : random_(seed), world_(small_options()) {}

  void run() {
    for (int i = 0; i < 400; ++i) {
      one_of_all();
      check();
      if (testing::Test::HasFailure()) return;
    }
    heal();
  }

 private:
  std::uint64_t below(std::uint64_t most) { return random_() % most; }
  job_caller caller_of(const std::string& tenant) const { return {tenant, "ann"}; }

  void one_of_all() {
    switch (below(16)) {
      case 0:
      case 1:
      case 2:
        return submit_new();
      case 3:
        return submit_known();
      case 4:
      case 5:
        return world_.step();
      case 6:
      case 7:
      case 8:
        world_.step();
        if (world_.in_flight) world_.finish_commit(below(5) != 0);
        return world_.step();
      case 9:
      case 10:
        return planner_says();
      case 11:
        return client_says();
      case 12:
        return world_.pass(milliseconds(static_cast<std::int64_t>(below(6'000))));
      case 13:
        return below(3) == 0 ? crash() : world_.settle();
      default:
        return watch();
    }
  }

  void submit_new() {
    const std::string key = "key" + std::to_string(keys_++);
    const auto root = static_cast<std::uint8_t>(1 + below(3));
    auto request = project_request(key, root);
    if (below(4) == 0) request.deadline = milliseconds(static_cast<std::int64_t>(1 + below(30'000)));
    const std::string tenant = below(2) == 0 ? "red" : "blue";
    const auto made = world_.table().submit(caller_of(tenant), request, world_.at());
    if (!made) {
      EXPECT_EQ(made.error().code, errc::busy);
      return;
    }
    EXPECT_FALSE(made->known || made->saved);
    EXPECT_TRUE(jobs_.emplace(made->job, promised_job{tenant, root, false, {}, 0}).second);
    deadlines_[made->job] = request.deadline;
    names_[made->job] = key;
  }

  std::optional<job_id> any() {
    if (jobs_.empty()) return {};
    auto one = jobs_.begin();
    std::advance(one, static_cast<std::ptrdiff_t>(below(jobs_.size())));
    return one->first;
  }

  void submit_known() {
    const auto id = any();
    if (!id) return;
    const auto& job = jobs_.at(*id);
    const auto root = static_cast<std::uint8_t>(1 + below(3));
    auto request = project_request(names_.at(*id), root);
    request.deadline = deadlines_.at(*id);
    const auto again = world_.table().submit(caller_of(job.tenant), request, world_.at());
    if (root != job.root) {
      ASSERT_FALSE(again);
      EXPECT_EQ(again.error().code, errc::already_exists);
      return;
    }
    ASSERT_TRUE(again) << again.error().context;
    EXPECT_TRUE(again->known);
    EXPECT_EQ(again->job, *id);
    EXPECT_EQ(again->saved, job.acknowledged);
  }

  void planner_says() {
    const auto id = any();
    if (!id) return;
    auto& table = world_.table();
    switch (below(6)) {
      case 0:
        return table.looked(*id, below(3), 10, world_.at());
      case 1:
        return table.looked(*id, 0, 0, world_.at());
      case 2:
        return table.began(*id, world_.at());
      case 3:
        return table.progress(*id, {100, below(50), 0, 0, 0}, world_.at());
      case 4:
        return table.said(*id, "a", "text", world_.at());
      default:
        job_outcome outcome;
        outcome.state = below(2) == 0 ? job_state::done : job_state::failed;
        return table.ended(*id, outcome, world_.at());
    }
  }

  void client_says() {
    const auto id = any();
    if (!id) return;
    const auto who = caller_of(jobs_.at(*id).tenant);
    auto& table = world_.table();
    const bool there = jobs_.at(*id).acknowledged;
    switch (below(3)) {
      case 0:
        EXPECT_EQ(table.cancel(who, *id, world_.at()).has_value(), there);
        return;
      case 1:
        EXPECT_EQ(table.uploaded(who, *id, world_.at()).has_value(), there);
        return;
      default:
        (void)table.will_upload(who, *id, {some_root(static_cast<std::uint8_t>(below(9)))}, world_.at());
    }
  }

  void watch() {
    const auto id = any();
    if (!id || !jobs_.at(*id).acknowledged) return;
    auto& job = jobs_.at(*id);
    const auto batch = world_.table().events(caller_of(job.tenant), *id, job.last_event);
    ASSERT_TRUE(batch);
    for (const auto& one : batch->items) {
      EXPECT_GT(one.number, job.last_event);
      job.last_event = one.number;
    }
    EXPECT_GE(batch->last, job.last_event);
    job.last_event = batch->last;
    EXPECT_TRUE(batch->left_out == 0 || batch->summary);
  }

  void crash() {
    if (world_.in_flight && below(2) == 0) world_.write_in_flight();
    world_.start();
    // What nobody was told may be there or not.
    for (auto one = jobs_.begin(); one != jobs_.end();) {
      auto& [id, job] = *one;
      job.acknowledged = job.acknowledged || world_.disk.contains(job_row_key(id));
      one = job.acknowledged ? std::next(one) : jobs_.erase(one);
    }
  }

  void check() {
    for (const auto id : std::exchange(world_.saved, {})) {
      ASSERT_TRUE(world_.disk.contains(job_row_key(id))) << "acknowledged and not on disk";
      jobs_.at(id).acknowledged = true;
    }
    for (const auto& [id, why] : std::exchange(world_.refused, {})) {
      ASSERT_FALSE(jobs_.at(id).acknowledged);
      jobs_.erase(id);
    }
    std::uint32_t open = 0;
    for (auto& [id, job] : jobs_) {
      const auto info = world_.table().status(caller_of(job.tenant), id);
      ASSERT_TRUE(info || !job.acknowledged) << "an acknowledged job is gone";
      if (!info || !is_over(info->state)) ++open;
      if (!info) continue;
      ASSERT_EQ(info->state, job.told_over.value_or(info->state)) << "an end that was told has changed";
      if (!is_over(info->state)) continue;
      job.told_over = info->state;
      const auto row = decode_job(id, world_.disk.at(job_row_key(id)));
      ASSERT_TRUE(row && row->outcome && row->outcome->state == info->state) << "an end that is not on disk";
    }
    ASSERT_EQ(world_.table().open(), open);
    ASSERT_EQ(world_.table().tenants().open_of("red") + world_.table().tenants().open_of("blue"), open);
  }

  /// A disk and a planner that work: every job comes to its end.
  void heal() {
    for (int i = 0; i < 100 && world_.table().open() > 0; ++i) {
      world_.settle();
      check();
      for (const auto& [id, job] : jobs_) {
        world_.table().looked(id, 0, 0, world_.at());
        (void)world_.table().uploaded(caller_of(job.tenant), id, world_.at());
      }
      world_.settle();
      for (const auto id : std::exchange(world_.plans, {})) {
        const auto info = world_.table().status(world_.anyone, id);
        if (info && !is_over(info->state)) world_.end(id);
      }
      world_.pass(seconds(1));
    }
    check();
    EXPECT_EQ(world_.table().open(), 0u);
    EXPECT_EQ(world_.table().tenants().upload_bytes_left("red"), small_options().quota.upload_bytes_max);
    for (auto& [id, job] : jobs_) {
      const auto batch = world_.table().events(world_.anyone, id, job.last_event);
      EXPECT_TRUE(batch && batch->over);
    }
  }

  std::mt19937_64 random_;
  job_world world_;
  std::map<job_id, promised_job> jobs_;
  std::map<job_id, std::string> names_;
  std::map<job_id, milliseconds> deadlines_;
  int keys_ = 0;
};

TEST(job_table_property, what_was_promised_holds_whatever_happens) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    job_walk(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace graphite
