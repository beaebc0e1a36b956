#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "actors/jobs_facade.hpp"
#include "coordinator/jobs/job_table.hpp"
#include "platform/crypto/sha256.hpp"

namespace graphite::test {

/// Jobs of a coordinator that has no cluster: a real table, rows in memory, and a planner that the test
/// plays with. Thread-safe; replies come from the thread that made them possible.
class table_jobs final : public job_desk, public job_reader {
 public:
  explicit table_jobs(job_table_options options = {}) : table_(options, epoch_number{1'700'000'000}, hash_) {}

  job_services services() { return {this, this}; }

  // What the test says in the planner's place.
  void looked(job_id job, std::uint64_t missing) {
    act([&](job_table& table) { table.looked(job, missing, missing * 100, now()); });
  }
  void progress(job_id job, std::uint64_t ran) {
    act([&](job_table& table) { table.progress(job, {1'000'000, ran, 0, 0, 0}, now()); });
  }
  void progress(job_id job, const job_progress& how_far) {
    act([&](job_table& table) { table.progress(job, how_far, now()); });
  }
  void failed(job_id job, job_failure what) {
    act([&](job_table& table) { table.action_failed(job, std::move(what), now()); });
  }
  void ended(job_id job, const job_outcome& outcome) {
    act([&](job_table& table) { table.ended(job, outcome, now()); });
  }
  void said(job_id job, const std::string& path, const std::string& text) {
    act([&](job_table& table) { table.said(job, path, text, now()); });
  }
  void ended(job_id job, job_state state = job_state::done) {
    job_outcome outcome;
    outcome.state = state;
    act([&](job_table& table) {
      if (const auto so_far = table.status({"", "", true}, job)) outcome.progress = so_far->progress;
      table.ended(job, outcome, now());
    });
  }
  /// Writes fail from now on, or no longer.
  void set_full(bool full) {
    const std::lock_guard lock(mutex_);
    full_ = full;
  }
  /// Answers kept back waits with nothing, as if their time were over.
  void end_waits() {
    std::vector<std::function<void()>> answers;
    {
      const std::lock_guard lock(mutex_);
      for (auto& [job, waits] : waits_)
        for (auto& one : waits) answers.push_back([one] { one(true); });
      waits_.clear();
    }
    for (auto& one : answers) one();
  }
  /// Waits until `wanted()` holds of this object; false after ten seconds.
  template <class Condition>
  bool wait_until(Condition wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), wanted);
  }
  // Of use inside wait_until().
  std::size_t waiting() const {
    std::size_t out = 0;
    for (const auto& [job, waits] : waits_) out += waits.size();
    return out;
  }
  std::size_t reads() const { return reads_; }
  std::size_t calls() const { return calls_; }
  job_caller last_caller() const { return last_caller_; }
  missing_request last_missing() const { return last_missing_; }
  job_table& table() { return table_; }

  // Before anything is asked.
  std::set<content_ref> there;  ///< what the stores have
  /// The same of stores that are really there.
  std::function<bool(const content_ref&)> has = [this](const content_ref& one) {
    return there.contains(one);
  };
  /// How many contents a job lacks: the planner's look, at once; null: the test says it, by looked().
  std::function<std::uint64_t(const job_request&)> look;
  /// Completes what `missing` tells.
  std::function<void(const missing_request&, missing_answer&)> on_missing = [](const auto&, auto&) {};
  missing_answer stores;  ///< what `missing` tells beside the places

  void submit(job_caller who, job_request request, reply<job_accepted> done) override {
    act([&](job_table& table) {
      called(who);
      const auto made = table.submit(who, std::move(request), now());
      if (!made) return later([done, why = made.error()] { done(tl::unexpected(why)); });
      auto answer = [this, done, who, made = *made] { done(accepted(who, made)); };
      if (made->saved) return later(std::move(answer));
      unsaved_[made->job].push_back(
          {std::move(answer), [done](const error& why) { done(tl::unexpected(why)); }});
    });
  }
  void missing(job_caller who, missing_request request, reply<missing_answer> done) override {
    act([&](job_table& table) {
      called(who);
      last_missing_ = request;
      auto out = stores;
      std::vector<content_ref> wanted;
      for (std::uint32_t i = 0; i < request.contents.size(); ++i) {
        if (has(request.contents[i])) continue;
        out.missing.push_back(i);
        wanted.push_back(request.contents[i]);
      }
      on_missing(request, out);
      const auto room = table.will_upload(who, request.job, wanted, now());
      later([done, room, out] { room ? done(out) : done(tl::unexpected(room.error())); });
    });
  }
  void uploaded(job_caller who, job_id job, reply<job_info> done) override {
    act([&](job_table& table) {
      called(who);
      const auto looks = table.uploaded(who, job, now());
      if (!looks) return later([done, why = looks.error()] { done(tl::unexpected(why)); });
      auto answer = [this, done, who, job] { done(info(who, job)); };
      if (*looks) return looking_[job].push_back(std::move(answer));
      later(std::move(answer));
    });
  }
  void cancel(job_caller who, job_id job, reply<job_info> done) override {
    act([&](job_table& table) {
      called(who);
      const auto over = table.cancel(who, job, now());
      if (!over) return later([done, why = over.error()] { done(tl::unexpected(why)); });
      auto answer = [this, done, who, job](bool) { done(info(who, job)); };
      if (*over) return later([answer] { answer(true); });
      waits_[job].push_back(answer);
    });
  }
  void list(job_caller who, job_filter filter, reply<std::vector<job_info>> done) override {
    act([&](job_table& table) { later([done, all = table.list(who, filter)] { done(all); }); });
  }
  void status(job_caller who, job_id job, reply<job_info> done) override {
    act([&](job_table& table) { later([done, one = table.status(who, job)] { done(one); }); });
  }
  void why(job_caller who, job_id job, std::string path, reply<why_answer> done) override {
    act([&](job_table& table) {
      const auto known = table.status(who, job);
      why_answer out;
      out.path = path;
      out.rule = "made up";
      later([done, known, out] { known ? done(out) : done(tl::unexpected(known.error())); });
    });
  }
  void trace(job_caller who, job_id job, std::uint64_t after, reply<trace_page> done) override {
    act([&](job_table& table) {
      const auto known = table.status(who, job);
      trace_page out;
      out.head.build = "job " + std::to_string(job.value);
      out.head.number = job.value;
      out.next = after;
      later([done, known, out] { known ? done(out) : done(tl::unexpected(known.error())); });
    });
  }
  void events(job_caller who, job_question what, reply<job_event_batch> done) override {
    read<job_event_batch>(what, std::move(done), [this, who](const job_question& of) {
      return table_.events(who, of.job, of.after);
    });
  }
  void logs(job_caller who, job_question what, reply<job_log_batch> done) override {
    read<job_log_batch>(what, std::move(done),
                        [this, who](const job_question& of) { return table_.logs(who, of.job, of.after); });
  }

 private:
  static job_time now() {
    const auto unix_time = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::steady_clock::now(), duration(unix_time).count()};
  }
  void called(const job_caller& who) {
    ++calls_;
    last_caller_ = who;
  }
  void later(std::function<void()> answer) { answers_.push_back(std::move(answer)); }

  result<job_info> info(const job_caller& who, job_id job) {
    const std::lock_guard lock(mutex_);
    return table_.status(who, job);
  }
  result<job_accepted> accepted(const job_caller& who, const job_table::submission& made) {
    return info(who, made.job).map([&](job_info job) { return job_accepted{std::move(job), made.known}; });
  }

  template <class Batch>
  void read(job_question what, reply<Batch> done, std::function<result<Batch>(const job_question&)> look) {
    act([&](job_table&) {
      ++reads_;
      const auto there_now = look(what);
      const bool empty = there_now && there_now->items.empty() && !there_now->over && !there_now->summary;
      if (!empty || what.wait == duration::zero()) return later([done, there_now] { done(there_now); });
      waits_[what.job].push_back([this, what, done, look](bool) {
        result<Batch> out = [&] {
          const std::lock_guard lock(mutex_);
          return look(what);
        }();
        done(std::move(out));
      });
    });
  }

  /// Does something to the table and all that follows, then gives the answers, unlocked.
  template <class Change>
  void act(Change&& change) {
    std::vector<std::function<void()>> answers;
    {
      const std::lock_guard lock(mutex_);
      change(table_);
      for (auto commands = table_.step(now()); has_work(commands); commands = table_.step(now()))
        for (auto& one : commands) std::visit([this](auto& command) { obey(command); }, one);
      answers.swap(answers_);
    }
    changed_.notify_all();
    for (auto& one : answers) one();
  }
  static bool has_work(const std::vector<job_command>& commands) {
    return std::any_of(commands.begin(), commands.end(),
                       [](const auto& one) { return !std::holds_alternative<job_commands::wake_at>(one); });
  }

  void obey(const job_commands::commit& one) {
    if (full_)
      table_.commit_failed(one.batch, {errc::out_of_space, "the disk is full"}, now());
    else
      table_.committed(one.batch, now());
  }
  void obey(const job_commands::saved& one) {
    for (auto& wait : unsaved_[one.job]) later(std::move(wait.first));
    unsaved_.erase(one.job);
  }
  void obey(const job_commands::refused& one) {
    for (auto& wait : unsaved_[one.job]) later([wait, why = one.why] { wait.second(why); });
    unsaved_.erase(one.job);
  }
  void obey(const job_commands::looked_at& one) {
    for (auto& wait : looking_[one.job]) later(std::move(wait));
    looking_.erase(one.job);
  }
  void obey(const job_commands::news& one) {
    for (auto& wait : waits_[one.job]) later([wait] { wait(false); });
    waits_.erase(one.job);
  }
  void obey(const job_commands::look& one) {
    if (!look) return;
    const auto missing = look(*one.request);
    table_.looked(one.job, missing, missing * 100, now());
  }
  template <class Other>
  void obey(const Other&) {}

  openssl_hasher hash_;
  std::mutex mutex_;
  std::condition_variable changed_;
  job_table table_;
  bool full_ = false;
  std::map<job_id, std::vector<std::pair<std::function<void()>, std::function<void(const error&)>>>> unsaved_;
  std::map<job_id, std::vector<std::function<void()>>> looking_;
  std::map<job_id, std::vector<std::function<void(bool)>>> waits_;
  std::vector<std::function<void()>> answers_;
  std::size_t reads_ = 0, calls_ = 0;
  job_caller last_caller_;
  missing_request last_missing_;
};

}  // namespace graphite::test
