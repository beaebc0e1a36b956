#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "actors/facade.hpp"

namespace graphite::test {

/// A service with a made-up project, with faults at will. Thread-safe; replies come from the calling thread
/// unless a knob says otherwise.
class fake_facade : public service_facade {
 public:
  enum class behaviour {
    prompt,     ///< answers within the call
    threaded,   ///< answers from another thread
    slow,       ///< keeps the replies until answer_all()
    vanishing,  ///< drops the replies unanswered
    failing     ///< answers with `failure`
  };

  ~fake_facade() override { join(); }

  void set(behaviour how) {
    const std::lock_guard lock(mutex_);
    how_ = how;
  }
  void set_failure(error failure) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
    how_ = behaviour::failing;
  }
  service_status status_value;
  build_summary build_value;
  why_answer why_value;
  generation_diff diff_value;
  trace_page trace_value;
  std::vector<std::string> graph_lines;
  std::uint64_t graph_left_out = 0;
  gc_report gc_value;

  /// Lets the slow replies go, on the calling thread; how many there were.
  std::size_t answer_all() {
    std::vector<std::function<void()>> kept;
    {
      const std::lock_guard lock(mutex_);
      kept.swap(kept_);
    }
    for (auto& one : kept) one();
    return kept.size();
  }

  /// Waits until `wanted()` holds of this object, checked after each call; false after ten seconds.
  template <class Condition>
  bool wait_until(Condition wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), wanted);
  }
  // Of use inside wait_until(), and where nothing else runs.
  std::size_t kept_count() const { return kept_.size(); }
  std::size_t holds_in_force() const { return holds_.size(); }
  std::size_t calls() const { return calls_; }
  bool stopped() const { return stopped_; }
  duration last_hold_timeout() const { return last_hold_timeout_; }
  build_request last_build() const { return last_build_; }
  graph_query last_graph() const { return last_graph_; }
  gc_request last_gc() const { return last_gc_; }

  void build(build_request request, reply<build_summary> done) override {
    note([&] { last_build_ = request; });
    answer(std::move(done), build_value);
  }
  void status(reply<service_status> done) override {
    note([] {});
    answer(std::move(done), status_value);
  }
  void why(std::string path, reply<why_answer> done) override {
    note([] {});
    if (path != why_value.path) return done(fail(errc::not_found, "no asset " + path));
    answer(std::move(done), why_value);
  }
  void trace(std::string build, std::uint64_t after, reply<trace_page> done) override {
    note([] {});
    if (build != trace_value.head.build) return done(fail(errc::not_found, "no build " + build));
    auto out = trace_value;
    out.next += after;
    answer(std::move(done), out);
  }
  void graph(graph_query query, reply<graph_answer> done) override {
    note([&] { last_graph_ = query; });
    answer(std::move(done), graph_answer{graph_lines, graph_left_out});
  }
  void hold(duration timeout, reply<std::uint64_t> done) override {
    std::uint64_t token = 0;
    note([&] {
      token = ++last_token_;
      holds_.insert(token);
      last_hold_timeout_ = timeout;
    });
    answer(std::move(done), token);
  }
  void release(std::uint64_t token, reply<bool> done) override {
    bool held = false;
    note([&] { held = holds_.erase(token) > 0; });
    done(held);
  }
  void rollback(std::string channel, std::uint64_t sequence, reply<head> done) override {
    note([] {});
    head out;
    out.channel = std::move(channel);
    out.sequence.value = sequence + 1000;
    answer(std::move(done), out);
  }
  void diff(std::string, std::uint64_t, std::uint64_t, reply<generation_diff> done) override {
    note([] {});
    answer(std::move(done), diff_value);
  }
  void gc(gc_request request, reply<gc_report> done) override {
    note([&] { last_gc_ = request; });
    answer(std::move(done), gc_value);
  }
  void stop() override {
    note([&] { stopped_ = true; });
  }

  /// Waits for the threads of `threaded` replies.
  void join() {
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      threads.swap(threads_);
    }
    for (auto& one : threads) one.join();
  }

 private:
  template <class Change>
  void note(Change change) {
    {
      const std::lock_guard lock(mutex_);
      ++calls_;
      change();
    }
    changed_.notify_all();
  }

  template <class T>
  void answer(reply<T> done, T value) {
    std::unique_lock lock(mutex_);
    switch (how_) {
      case behaviour::failing: {
        const error failure = failure_;
        lock.unlock();
        return done(tl::unexpected(failure));
      }
      case behaviour::vanishing:
        return;
      case behaviour::slow:
        kept_.push_back([done = std::move(done), value = std::move(value)] { done(value); });
        lock.unlock();
        return changed_.notify_all();
      case behaviour::threaded:
        threads_.emplace_back([done = std::move(done), value = std::move(value)] { done(value); });
        return;
      case behaviour::prompt:
        break;
    }
    lock.unlock();
    done(std::move(value));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  behaviour how_ = behaviour::prompt;
  error failure_{errc::io, "made to fail"};
  std::vector<std::function<void()>> kept_;
  std::vector<std::thread> threads_;
  std::set<std::uint64_t> holds_;
  std::uint64_t last_token_ = 0;
  std::size_t calls_ = 0;
  bool stopped_ = false;
  duration last_hold_timeout_{};
  build_request last_build_;
  graph_query last_graph_;
  gc_request last_gc_;
};

}  // namespace graphite::test
