#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "coordinator/jobs/job_table.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite::test {

inline content_ref some_root(std::uint8_t number) {
  content_ref out;
  out.id.bytes.fill(number);
  out.size = 100;
  return out;
}

/// A key that follows from `name`.
inline std::string job_key(const std::string& name) { return name + std::string(16 - name.size() % 16, '.'); }

inline job_request project_request(const std::string& key, std::uint8_t root = 1) {
  job_request out;
  out.key = job_key(key);
  project_job what;
  what.snapshot = some_root(root);
  out.what = what;
  return out;
}

inline job_request action_request(const std::string& key) {
  job_request out;
  out.key = job_key(key);
  action_job what;
  what.input_root = some_root(2);
  what.what = command_action{{"cc", "-c", "a.c"}, {{"LANG", "C"}, {"PATH", "/bin"}}, "src"};
  what.platform = {{"arch", "x86_64"}, {"os", "linux"}};
  what.outputs = {"a.d", "a.o"};
  out.what = what;
  return out;
}

/// A job table with a disk that can fail, and what came of it. `now` moves by hand.
class job_world {
 public:
  explicit job_world(job_table_options options = {}) : options_(options) { start(); }

  /// A coordinator that starts on what is on disk, in a new reign.
  void start() {
    ++epoch_;
    table_ = std::make_unique<job_table>(options_, epoch_number{epoch_}, hash_);
    saved.clear();
    plans.clear();
    looks.clear();
    in_flight.reset();
    std::vector<std::pair<std::string, std::string>> rows(disk.begin(), disk.end());
    const auto loaded = table_->load(rows, at());
    ASSERT_TRUE(loaded) << loaded.error().context;
  }
  void pass(duration time) {
    now += time;
    unix_ns += time.count();
  }

  /// Notes all commands; a commit stays in flight.
  void step() {
    for (auto& one : table_->step(at())) std::visit([this](auto& command) { note(command); }, one);
  }
  void write_in_flight() {
    for (const auto& row : in_flight->rows) {
      if (row.value)
        disk[row.key] = *row.value;
      else
        disk.erase(row.key);
    }
  }
  void finish_commit(bool good = true) {
    const auto batch = std::exchange(in_flight, std::nullopt);
    ASSERT_TRUE(batch);
    if (good) {
      in_flight = batch;
      write_in_flight();
      in_flight.reset();
      table_->committed(batch->batch, at());
    } else {
      table_->commit_failed(batch->batch, {errc::out_of_space, "the disk is full"}, at());
    }
  }
  /// Until nothing is to be done now, on a disk that works.
  void settle() {
    step();
    while (in_flight) {
      finish_commit();
      step();
    }
  }
  job_id accepted(job_request request, const job_caller& who = {"studio", "ann"}) {
    const auto made = table_->submit(who, std::move(request), at());
    EXPECT_TRUE(made) << made.error().context;
    settle();
    return made ? made->job : job_id{};
  }
  job_id building(job_request request, const job_caller& who = {"studio", "ann"}) {
    const auto id = accepted(std::move(request), who);
    table_->looked(id, 0, 0, at());
    table_->began(id, at());
    settle();
    return id;
  }
  void end(job_id id, job_state state = job_state::done, const std::string& message = {}) {
    job_outcome outcome;
    outcome.state = state;
    outcome.message = message;
    if (const auto so_far = table_->status(anyone, id)) outcome.progress = so_far->progress;
    table_->ended(id, outcome, at());
    settle();
  }
  job_state state(job_id id) const { return table_->status(anyone, id).value().state; }
  /// All that is told of it, as words.
  std::vector<std::string> told(job_id id, std::uint64_t after = 0) const {
    std::vector<std::string> out;
    const auto batch = table_->events(anyone, id, after).value();
    for (const auto& one : batch.items) {
      if (const auto* state = std::get_if<job_events::state_changed>(&one.what))
        out.emplace_back(to_string(state->now));
      else if (const auto* missing = std::get_if<job_events::blobs_missing>(&one.what))
        out.push_back("missing " + std::to_string(missing->count));
      else if (const auto* progress = std::get_if<job_events::progressed>(&one.what))
        out.push_back("ran " + std::to_string(progress->now.ran));
      else
        out.push_back("failed " + std::get<job_events::action_failed>(one.what).what.path);
    }
    return out;
  }
  job_table& table() { return *table_; }
  job_time at() const { return {now, unix_ns}; }

  const job_caller ann{"studio", "ann"}, anyone{"", "operator", true};
  std::map<std::string, std::string> disk;
  time_point now = time_from_ns(1'000'000'000'000);
  std::int64_t unix_ns = 1'700'000'000'000'000'000;
  std::optional<job_commands::commit> in_flight;
  std::vector<job_id> saved, plans, looks, stops, forgotten, looked_at;
  std::map<job_id, error> refused;
  std::optional<time_point> wake;

 private:
  void note(job_commands::commit& one) {
    ASSERT_FALSE(in_flight) << "a second commit before the first has ended";
    in_flight = std::move(one);
  }
  void note(const job_commands::saved& one) { saved.push_back(one.job); }
  void note(const job_commands::refused& one) { refused.emplace(one.job, one.why); }
  void note(const job_commands::look& one) {
    EXPECT_TRUE(one.request);
    looks.push_back(one.job);
  }
  void note(const job_commands::looked_at& one) { looked_at.push_back(one.job); }
  void note(const job_commands::plan& one) {
    EXPECT_TRUE(one.request);
    plans.push_back(one.job);
  }
  void note(const job_commands::stop& one) { stops.push_back(one.job); }
  void note(const job_commands::news&) {}
  void note(const job_commands::forgotten& one) { forgotten.push_back(one.job); }
  void note(const job_commands::wake_at& one) { wake = one.when; }

  job_table_options options_;
  openssl_hasher hash_;
  std::uint64_t epoch_ = 1'700'000'000;
  std::unique_ptr<job_table> table_;
};

}  // namespace graphite::test
