#include "cli/cluster_needs.hpp"

#include <algorithm>

#include "platform/linux/thread_name.hpp"

namespace graphite {

cluster_needs::cluster_needs(ports with, options chosen)
    : with_(std::move(with)), options_(chosen), started_(with_.clock.now()), thread_([this] {
        name_thread("cluster-needs");
        work();
      }) {}

void cluster_needs::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool cluster_needs::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void cluster_needs::ask(const std::string& who, control::need_question question, reply answer) {
  {
    const std::lock_guard lock(mutex_);
    asked_[who] = {std::move(question), std::move(answer)};
  }
  wake_.notify_all();
}

void cluster_needs::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !asked_.empty(); });
    if (stopping_) return;
    const auto one = std::move(asked_.extract(asked_.begin()).mapped());
    lock.unlock();
    control::need_answer answer{one.what.number, {}, {}};
    if (look()) {
      for (const auto& content : one.what.contents) answer.needed.push_back(needed_.contains(content));
      answer.age = with_.clock.now() - looked_at_;
    }
    one.answer(std::move(answer));
    lock.lock();
  }
}

/// False: it cannot be said now.
bool cluster_needs::look() {
  const auto now = with_.clock.now();
  if (now - started_ < options_.settle) return false;
  const auto rest = std::max(options_.look_again_after, options_.looks_apart * took_);
  if (looked_ && now - looked_at_ < rest) return true;
  looked_ = false;
  looked_at_ = now;
  needed_ = {};
  const auto mark = [this](std::span<const digest> live) {
    for (const auto& content : live) needed_.mark(content);
  };
  const auto look_at_all = [&]() -> result<void> {
    for (const auto& keeps : with_.under_way) GRAPHITE_CHECK(keeps(mark));
    for (auto* archive : with_.archives) GRAPHITE_CHECK(mark_generations(*archive, mark));
    GRAPHITE_CHECK(mark_results(with_.rows, mark, [this] { return stopping(); }));
    return mark_cache(with_.rows, mark, [this] { return stopping(); });
  };
  const auto done = look_at_all();
  if (!done)
    with_.log.warn("what is needed of the stores' contents cannot be said: {}", done.error().context);
  took_ = with_.clock.now() - now;
  looked_ = done.has_value() && !stopping();
  return looked_;
}

}  // namespace graphite
