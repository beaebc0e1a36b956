#include "coordinator/build_trace.hpp"

#include <algorithm>
#include <queue>
#include <set>

namespace graphite {

namespace {

std::uint64_t bytes_of(const traced_action& what) {
  return sizeof(what) + what.rule.size() + what.path.size() + what.cause.size() + what.node.size() +
         2 * sizeof(std::uint64_t);
}

/// Of an entry of a table by path, about.
std::uint64_t entry_bytes(const std::string& path) { return 64 + path.size(); }

struct placing {
  duration from{}, to{};  ///< within them
};

/// Where the node's own times lie between what we know: half of what is left over is the way there.
void place(traced_action& out, const attempt_times& times, const placing& within) {
  const auto all = times.waited + times.fetch + times.run + times.store;
  const auto way = std::max(within.to - within.from - all, duration::zero()) / 2;
  const auto bounded = [&](duration at) { return std::min(at, within.to); };
  out.begun = bounded(within.from + way + times.waited);
  out.fetched = bounded(out.begun + times.fetch);
  out.ran = bounded(out.fetched + times.run);
  out.stored = within.to;
}

std::string name_of(std::uint64_t first, std::uint64_t last) {
  if (last == 0) return "no generation";
  if (first == last) return "generation " + std::to_string(last);
  return "generations " + std::to_string(first) + " to " + std::to_string(last);
}

}  // namespace

void trace_recorder::stir(std::string cause, time_point now, std::int64_t unix_ns) {
  if (now_) return;
  now_.emplace();
  now_->out.head.cause = std::move(cause);
  now_->out.head.began_unix_ns = unix_ns;
  now_->began = now_->last = now;
}

void trace_recorder::wait_for(std::size_t action, std::size_t before) {
  auto& actions = now_->out.actions;
  if (actions[before].ended < actions[action].ready) return;
  actions[action].ready = actions[before].ended;
  now_->before[action] = before;
}

void trace_recorder::started(const attempt_spec& spec, time_point now) {
  if (!now_) return;
  auto& out = now_->out;
  if (out.bytes > options_.bytes_max) {
    ++out.head.left_out;
    return;
  }
  const auto number = out.actions.size();
  auto& one = out.actions.emplace_back();
  one.rule = spec.rule;
  one.path = spec.main_input.str();
  one.cause = spec.cause;
  now_->before.push_back(none);
  now_->given.push_back(now);
  for (const auto& input : spec.inputs)
    if (input.generated)
      if (const auto made = now_->makers.find(input.path.str()); made != now_->makers.end())
        wait_for(number, made->second);
  if (const auto earlier = now_->last_of.find(spec.action.value); earlier != now_->last_of.end())
    wait_for(number, earlier->second);
  now_->running[{spec.action.value, spec.attempt.value}] = number;
  out.bytes += bytes_of(one);
}

void trace_recorder::ended(const attempt_result& how, time_point now) {
  if (!now_) return;
  const auto found = now_->running.find({how.action.value, how.attempt.value});
  if (found == now_->running.end()) return;
  now_->last = now;
  const auto number = found->second;
  now_->running.erase(found);
  auto& one = now_->out.actions[number];
  one.status = how.status;
  one.cpu = how.cpu;
  one.ended = std::max(now - now_->began, one.ready);
  one.begun = one.fetched = one.ran = one.stored = one.ended;
  one.found = how.story == nullptr;
  if (how.story) {
    const auto& story = *how.story;
    one.node = story.node;
    one.domain = story.domain;
    one.tries = story.tries;
    if (!story.cause.empty()) one.cause += (one.cause.empty() ? "" : "; ") + story.cause;
    const auto from = std::max(now_->given[number] - now_->began, one.ready);
    place(one, story.times,
          {std::clamp(story.given - now_->began, from, one.ended),
           std::clamp(story.back - now_->began, from, one.ended)});
    now_->out.bytes += one.node.size() + story.cause.size();
  }
  now_->last_of[how.action.value] = number;
  for (const auto& output : how.outputs) {
    if (now_->makers.insert_or_assign(output.path.str(), number).second)
      now_->out.bytes += entry_bytes(output.path.str());
  }
}

void trace_recorder::published(std::uint64_t sequence, time_point now) {
  if (!now_) return;
  auto& out = now_->out;
  if (out.first_generation == 0) out.first_generation = sequence;
  out.head.number = sequence;
  now_->last = now;
}

/// From the action that ended last to the one that waited for none.
void trace_recorder::mark_chain() {
  auto& actions = now_->out.actions;
  if (actions.empty()) return;
  const auto latest = std::ranges::max_element(actions, {}, &traced_action::ended);
  now_->out.head.settled = latest->ended;
  for (auto i = static_cast<std::size_t>(latest - actions.begin()); i != none; i = now_->before[i])
    actions[i].critical = true;
}

std::shared_ptr<build_trace> trace_recorder::rest() {
  if (!now_) return nullptr;
  // One whose end was not heard of: the view ends, or was loaded anew.
  for (const auto& [name, number] : now_->running) {
    auto& one = now_->out.actions[number];
    one.status = attempt_status::cancelled;
    one.begun = one.fetched = one.ran = one.stored = one.ended = one.ready;
  }
  mark_chain();
  auto out = std::move(now_->out);
  const auto wall = now_->last - now_->began;
  now_.reset();
  if (out.actions.empty() && out.head.left_out == 0 && out.first_generation == 0) return nullptr;
  out.head.wall = std::max(wall, out.head.settled);
  out.head.actions = out.actions.size();
  out.head.build = name_of(out.first_generation, out.head.number);
  give_slots(out.actions);
  return std::make_shared<build_trace>(std::move(out));
}

void give_slots(std::vector<traced_action>& actions) {
  std::ranges::stable_sort(actions, {}, &traced_action::begun);
  struct lanes {
    using busy = std::pair<duration, std::uint32_t>;  ///< until when, which
    std::priority_queue<busy, std::vector<busy>, std::greater<>> taken;
    std::set<std::uint32_t> free;
    std::uint32_t count = 0;
  };
  std::map<std::pair<std::string, std::uint32_t>, lanes> all;
  for (auto& one : actions) {
    if (one.found) continue;
    auto& here = all[{one.node, one.domain}];
    while (!here.taken.empty() && here.taken.top().first <= one.begun) {
      here.free.insert(here.taken.top().second);
      here.taken.pop();
    }
    if (here.free.empty()) here.free.insert(here.count++);
    one.slot = *here.free.begin();
    here.free.erase(here.free.begin());
    here.taken.emplace(one.stored, one.slot);
  }
}

}  // namespace graphite
