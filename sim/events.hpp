#pragma once

#include <functional>
#include <map>
#include <utility>

#include "core/units.hpp"

namespace graphite::sim {

/// What happens when, in virtual time; what is due at the same time, in the order in which it was said.
class events {
 public:
  time_point now() const { return now_; }
  void at(time_point when, std::function<void()> what) {
    waiting_.emplace(std::pair(std::max(when, now_), ++last_), std::move(what));
  }
  void after(duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }
  /// The next one, where it is due until then. False: nothing is.
  bool step(time_point until) {
    if (waiting_.empty() || waiting_.begin()->first.first > until) return false;
    auto first = waiting_.extract(waiting_.begin());
    now_ = first.key().first;
    ++count_;
    first.mapped()();
    return true;
  }
  void run_until(time_point until) {
    while (step(until)) {
    }
    now_ = std::max(now_, until);
  }
  std::uint64_t count() const { return count_; }

 private:
  time_point now_ = time_from_ns(1'000'000'000'000);
  std::uint64_t last_ = 0, count_ = 0;
  std::map<std::pair<time_point, std::uint64_t>, std::function<void()>> waiting_;
};

/// One of the processes: it lives for a while, may stop for a while, and lives again. What is said to happen
/// in one of its lives does not happen in another.
class process {
 public:
  explicit process(events& all) : all_(all) {}
  bool alive() const { return life_ != 0; }
  std::uint64_t life() const { return life_; }
  void born() { life_ = ++lives_; }
  void died() { life_ = 0; }
  void pause_until(time_point when) { paused_until_ = std::max(paused_until_, when); }
  void resume() { paused_until_ = {}; }
  time_point paused_until() const { return paused_until_; }
  bool paused() const { return all_.now() < paused_until_; }
  void after(duration wait, std::function<void()> what) { at(all_.now() + wait, std::move(what)); }
  void at(time_point when, std::function<void()> what) {
    all_.at(when, [this, its = life_, what = std::move(what)]() mutable { run(its, std::move(what)); });
  }

 private:
  void run(std::uint64_t its, std::function<void()> what) {
    if (its == 0 || its != life_) return;
    if (!paused()) return what();
    all_.at(paused_until_, [this, its, what = std::move(what)]() mutable { run(its, std::move(what)); });
  }

  events& all_;
  std::uint64_t life_ = 0, lives_ = 0;
  time_point paused_until_{};
};

}  // namespace graphite::sim
