#include "sim/client_process.hpp"

#include <algorithm>

#include "sim/world.hpp"

namespace graphite::sim {

client_process::client_process(world& in, host at) : process(in.all), in_(in), at_(at) {}

void client_process::start() { born(); }

void client_process::add(const job_request& what, time_point when, std::optional<time_point> cancel_at) {
  wishes_.push_back({what, cancel_at});
  at(when, [this, which = wishes_.size() - 1] { ask(which); });
}

bool client_process::content() const { return std::ranges::all_of(wishes_, &wish::over); }

void client_process::ask(std::size_t which) {
  auto& one = wishes_[which];
  if (one.over) return;
  if (one.acknowledged && one.cancel_at && in_.all.now() >= *one.cancel_at && !one.cancelled) {
    one.cancelled = true;
    in_.record({.what = event::kind::job_cancelled, .number = one.what.number});
  }
  auto& to = *in_.coordinator;
  const auto answer = [this, which](job_answer how) {
    in_.net.post(0, at_, *this, [this, which, how] { answered(which, how); });
  };
  in_.net.post(at_, 0, to, [&to, what = one.what, first = !one.acknowledged, cancel = one.cancelled, answer] {
    if (!to.ready()) return;
    if (first)
      to.submit(what, answer);
    else
      answer(cancel ? to.cancel(what.number) : to.look(what.number));
  });
  after(in_.any.between(milliseconds(300), milliseconds(700)), [this, which] { ask(which); });
}

void client_process::answered(std::size_t which, job_answer how) {
  auto& one = wishes_[which];
  if (how == job_answer::acknowledged && !std::exchange(one.acknowledged, true))
    in_.record({.what = event::kind::job_acknowledged, .number = one.what.number});
  if (how == job_answer::ended) one.over = true;
  if (how == job_answer::not_known && one.acknowledged && !one.over)
    in_.trouble("job " + std::to_string(one.what.number) + " was acknowledged and is not known");
}

}  // namespace graphite::sim
