#pragma once

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/ports/async_io.hpp"

namespace graphite {

/// How a faulty_io misbehaves, and what became of it. Thread-safe: a test changes it while others use the
/// adapter.
class io_faults {
 public:
  static constexpr std::size_t always = static_cast<std::size_t>(-1);
  struct knobs {
    std::function<io_completion(const io_request&)> answer{};  ///< none: all its bytes are moved
    bool holds = false;              ///< what is taken ends only when it is cancelled or let go
    bool loses = false;              ///< what is taken never ends, and is known to nobody
    bool twice = false;              ///< gives each completion two times
    bool deaf = false;               ///< wake() does nothing
    std::size_t takes_max = always;  ///< of a batch
    std::size_t claims_more = 0;     ///< than it took
    std::size_t submits_failed = 0, waits_failed = 0, cancels_failed = 0;  ///< so many of the next ones
    errc submit_error = errc::busy, wait_error = errc::io, cancel_error = errc::busy;
  };

  void set(const std::function<void(knobs&)>& change) {
    const std::lock_guard lock(mutex_);
    change(now_);
    changed_.notify_all();
  }
  /// Gives a completion of whatever with the next wait().
  void give(const io_completion& invented) {
    const std::lock_guard lock(mutex_);
    ended_.push_back(invented);
    changed_.notify_all();
  }
  /// Ends what it holds.
  void let_go() {
    const std::lock_guard lock(mutex_);
    for (const auto& one : held_) end(answer(one));
    held_.clear();
    changed_.notify_all();
  }
  std::size_t held() const { return locked(held_).size(); }
  std::vector<std::uint64_t> taken() const { return locked(taken_); }
  /// Offered and not taken, each time it was.
  std::size_t not_taken() const { return locked(not_taken_); }
  std::size_t waits() const { return locked(waits_); }
  std::size_t cancels() const { return locked(cancels_); }
  bool destroyed() const { return locked(destroyed_); }
  /// What it held, and what nobody had fetched, when it was destroyed.
  std::size_t left() const { return locked(left_); }

 private:
  friend class faulty_io;
  template <class T>
  T locked(const T& field) const {
    const std::lock_guard lock(mutex_);
    return field;
  }
  io_completion answer(const io_request& one) const {
    if (!now_.answer) return {.token = one.token, .bytes = one.bytes.size()};
    auto out = now_.answer(one);
    out.token = one.token;
    return out;
  }
  void end(const io_completion& one) { ended_.insert(ended_.end(), now_.twice ? 2 : 1, one); }
  static bool count_down(std::size_t& left) { return left != 0 && (left == always || left-- != 0); }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  knobs now_;
  std::vector<io_request> held_;
  std::deque<io_completion> ended_;
  std::vector<std::uint64_t> taken_;  ///< all that ever was, in order
  std::size_t not_taken_ = 0, waits_ = 0, cancels_ = 0, left_ = 0;
  bool woken_ = false, destroyed_ = false;
};

/// Asynchronous I/O that reads and writes nothing and misbehaves as it is told.
class faulty_io final : public async_io {
 public:
  explicit faulty_io(std::shared_ptr<io_faults> faults, std::size_t depth = 128)
      : faults_(std::move(faults)), depth_(depth) {}
  ~faulty_io() override {
    const std::lock_guard lock(faults_->mutex_);
    faults_->destroyed_ = true;
    faults_->left_ = faults_->held_.size() + faults_->ended_.size();
  }

  result<std::size_t> submit(std::span<const io_request> batch) override {
    const std::lock_guard lock(faults_->mutex_);
    auto& all = *faults_;
    if (io_faults::count_down(all.now_.submits_failed))
      return fail(all.now_.submit_error, "a submission that is to fail");
    const auto room = depth_ - std::min(depth_, all.held_.size() + all.ended_.size());
    const auto taken = std::min({batch.size(), all.now_.takes_max, room});
    all.not_taken_ += batch.size() - taken;
    for (const auto& one : batch.first(taken)) {
      all.taken_.push_back(one.token);
      if (all.now_.holds)
        all.held_.push_back(one);
      else if (!all.now_.loses)
        all.end(all.answer(one));
    }
    return taken + all.now_.claims_more;
  }

  result<std::size_t> wait(std::span<io_completion> out, std::size_t least,
                           std::chrono::nanoseconds wait_max) override {
    std::unique_lock lock(faults_->mutex_);
    auto& all = *faults_;
    ++all.waits_;
    all.changed_.wait_for(lock, wait_max, [&] {
      return all.woken_ || all.now_.waits_failed > 0 || all.ended_.size() >= least || all.held_.empty();
    });
    if (io_faults::count_down(all.now_.waits_failed))
      return fail(all.now_.wait_error, "a wait that is to fail");
    all.woken_ = false;
    std::size_t have = 0;
    for (; have < out.size() && !all.ended_.empty(); all.ended_.pop_front()) out[have++] = all.ended_.front();
    return have;
  }

  result<void> cancel(std::uint64_t token) override {
    const std::lock_guard lock(faults_->mutex_);
    auto& all = *faults_;
    ++all.cancels_;
    if (io_faults::count_down(all.now_.cancels_failed))
      return fail(all.now_.cancel_error, "a cancellation that is to fail");
    const auto found = std::find_if(all.held_.begin(), all.held_.end(),
                                    [&](const io_request& one) { return one.token == token; });
    if (found == all.held_.end()) return fail(errc::not_found, "it holds nothing of that token");
    all.end({.token = token, .failed = errc::cancelled, .system_error = ECANCELED});
    all.held_.erase(found);
    return {};
  }

  result<void> announce(std::span<const std::span<std::byte>>, std::span<const io_file>) override {
    return {};
  }
  void wake() override {
    const std::lock_guard lock(faults_->mutex_);
    if (faults_->now_.deaf) return;
    faults_->woken_ = true;
    faults_->changed_.notify_all();
  }
  async_io_facts facts() const override {
    return {.name = "faulty",
            .reason = "a test",
            .depth_max = depth_,
            .fixed_buffers = false,
            .fixed_files = false};
  }

 private:
  std::shared_ptr<io_faults> faults_;
  std::size_t depth_;
};

}  // namespace graphite
